// Nucleus sampling (Holtzman et al. 2020): keeps the smallest set of most probable tokens whose sum reaches p.
#pragma once

#include "engine/sample/candidates.h"

namespace vivace {

inline void apply_top_p(Candidates& candidates, const SamplingOptions& options) {
  if (options.top_p >= 1) return;
  candidates.normalise();
  double sum = 0;
  for (size_t i = 0; i < candidates.tokens.size(); ++i) {
    sum += candidates.tokens[i].probability;
    if (sum >= options.top_p) return candidates.keep(i + 1);
  }
}

}  // namespace vivace
