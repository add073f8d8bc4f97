// How values scatter, as latencies are told.
#pragma once

#include <vector>

namespace vivace {

struct Spread {
  double p50 = 0, p95 = 0, p99 = 0, max = 0;
};

/// Zeros where there are none.
Spread spread_of(std::vector<double> values);

}  // namespace vivace
