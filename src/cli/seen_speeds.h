// Predicted and measured speeds of the benchmarks here, kept so that later predictions for the model are corrected.
#pragma once

#include <filesystem>

#include "advise/predict_run.h"
#include "cli/command.h"
#include "plan/cost/forecast.h"

namespace vivace {

/// Keeps one run. A store that can't be used is no reason to fail: standard error says so, as for the others here.
void keep_seen_speed(const std::filesystem::path& model, const PredictedRates& predicted,
                     const PredictedRates& measured, int32_t streams, Context& context);

/// What the newest runs of the model file say; nothing where it never ran here.
SpeedCorrection seen_correction(const std::filesystem::path& model, Context& context);

}  // namespace vivace
