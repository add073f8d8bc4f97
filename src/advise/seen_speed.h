// What benchmarks of a model on this machine say of the predictions for it: how they are to be corrected.
#pragma once

#include <span>

#include "advise/predict_run.h"
#include "base/json_fwd.h"
#include "plan/cost/forecast.h"

namespace vivace {

/// One run's predicted and measured rates, to be kept. `streams`: sequences that were decoded side by side.
Json seen_speed_json(const PredictedRates& predicted, const PredictedRates& measured, int32_t streams);

/// Medians of measured over predicted in the newest runs, each within a factor of two: what is further off was measured
/// beside something else. Runs that can't be read don't count.
SpeedCorrection correction_of(std::span<const Json> newest);

}  // namespace vivace
