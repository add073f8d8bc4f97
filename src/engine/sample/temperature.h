// Divides the logits: above 1 flatter, below 1 sharper.
#pragma once

#include "engine/sample/candidates.h"

namespace vivace {

/// temperature > 0.
inline void apply_temperature(Candidates& candidates, const SamplingOptions& options) {
  candidates.sort();
  // Relative to the best one: a tiny temperature then makes the others -infinity instead of all infinite.
  const float highest = candidates.tokens.front().logit;
  for (Candidate& token : candidates.tokens) token.logit = (token.logit - highest) / options.temperature;
  candidates.normalised = false;
}

}  // namespace vivace
