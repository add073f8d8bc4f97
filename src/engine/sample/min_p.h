// Keeps tokens at least p times as probable as the most probable one (Nguyen et al. 2024).
#pragma once

#include "engine/sample/candidates.h"

namespace vivace {

inline void apply_min_p(Candidates& candidates, const SamplingOptions& options) {
  if (options.min_p <= 0) return;
  candidates.normalise();
  const float least = candidates.tokens.front().probability * options.min_p;
  size_t count = 1;
  while (count < candidates.tokens.size() && candidates.tokens[count].probability >= least) ++count;
  candidates.keep(count);
}

}  // namespace vivace
