#include "bench/spread.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

TEST(Spread, IsOfTheSortedValues) {
  std::vector<double> values;
  for (int i = 100; i > 0; --i) values.push_back(i);
  const Spread spread = spread_of(values);
  EXPECT_EQ(spread.p50, 51);
  EXPECT_EQ(spread.p95, 96);
  EXPECT_EQ(spread.p99, 100);
  EXPECT_EQ(spread.max, 100);
  EXPECT_EQ(spread_of({3}).p50, 3);
  EXPECT_EQ(spread_of({}).max, 0);
}

}  // namespace
}  // namespace vivace
