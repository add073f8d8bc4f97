// Whole things in proportion to shares.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace vivace {

/// `count` things by shares (>= 0, one of them positive): counts that add up, by largest remainder, the first of
/// equals.
inline std::vector<int32_t> share_out(int32_t count, const std::vector<double>& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<int32_t> counts;
  std::vector<double> remainders;
  for (double share : shares) {
    const double exact = count * share / sum;
    counts.push_back(int32_t(std::floor(exact)));
    remainders.push_back(exact - std::floor(exact));
  }
  for (int32_t left = count - std::accumulate(counts.begin(), counts.end(), 0); left > 0; --left) {
    const auto largest = std::max_element(remainders.begin(), remainders.end());
    ++counts[size_t(largest - remainders.begin())];
    *largest = -1;
  }
  return counts;
}

}  // namespace vivace
