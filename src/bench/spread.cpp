#include "bench/spread.h"

#include <algorithm>
#include <cstddef>

namespace vivace {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
  };
  return {at(0.5), at(0.95), at(0.99), values.back()};
}

}  // namespace vivace
