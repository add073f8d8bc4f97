// The speed of one run of a benchmark, before it is run.
#pragma once

#include <span>

#include "models/model_card.h"
#include "plan/plan.h"

namespace vivace {

/// Tokens that are fed, in each of `streams` sequences that hold `depth` already.
struct RunShape {
  int32_t tokens = 0;
  int32_t depth = 0;
  int32_t streams = 1;
};

/// Tokens per second of all streams together; 0: unknown, or nothing is fed.
struct PredictedRates {
  double prefill = 0, decode = 0;
};

/// By the speeds of these devices that the host's facts hold, as the plan places the model.
PredictedRates predict_rates(const ModelCard& card, const Plan& plan, std::span<Device* const> devices,
                             const HostFacts& host, const RunShape& prefill, const RunShape& decode);

}  // namespace vivace
