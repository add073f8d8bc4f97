// What the cost model says of a run that was measured: the prediction, and what would be better.
#pragma once

#include <span>

#include "advise/predict_run.h"
#include "advise/why.h"

namespace vivace {

/// Fills the settings, the prediction and the better speeds for decoding by `shape`. Without stored speeds of all
/// devices in the host's facts, guesses take their place.
void add_predictions(const ModelCard& card, const Plan& plan, std::span<Device* const> devices, HostFacts host,
                     const RunShape& shape, RunFacts& facts);

}  // namespace vivace
