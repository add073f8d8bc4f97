// For tests only: the instruction sets that are worth a test in this build.
#pragma once

#include <string>
#include <vector>

#include "backends/cpu/detect.h"

namespace vivace {

/// Those of this machine, best first; in builds that are not optimised the best and the scalar one: the others are the
/// same code, and have no sanitizers either (docs/decisions/003).
inline std::vector<std::string> tested_isas() {
  std::vector<std::string> all = available_isas();
#ifndef NDEBUG
  if (all.size() > 2) all.erase(all.begin() + 1, all.end() - 1);
#endif
  return all;
}

}  // namespace vivace
