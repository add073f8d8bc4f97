// Divides the logits: above 1 flatter, below 1 sharper.
#pragma once

#include "engine/sample/candidates.h"

namespace vivace {

/// temperature > 0.
inline void apply_temperature(Candidates& candidates, const SamplingOptions& options) {
  for (Candidate& token : candidates.tokens) token.logit /= options.temperature;
  candidates.normalised = false;
}

}  // namespace vivace
