// Comparing benchmarks: what changed, and what fell below the record.
#include "advise/bench_history.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

Json speed(double median, double spread, int tokens = 64) {
  return {{"tokens", tokens},
          {"tokens_per_second", {{"median", median}, {"min", median - spread}, {"max", median + spread}}}};
}

Json result(double prefill, double decode, double spread = 1) {
  return {{"prefill", speed(prefill, spread)}, {"decode", speed(decode, spread)}};
}

TEST(BenchHistory, ComparesWhatBothMeasured) {
  const auto changes = compare_benchmarks(result(100, 50), result(150, 50.5));
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_DOUBLE_EQ(changes[0].ratio(), 1.5);
  EXPECT_TRUE(changes[0].beyond_noise);
  EXPECT_FALSE(changes[1].beyond_noise);
  Json no_decode = result(100, 50);
  no_decode["decode"] = speed(0, 0, 0);
  EXPECT_EQ(compare_benchmarks(no_decode, result(100, 50)).size(), 1u);
  EXPECT_THROW(compare_benchmarks(Json::object(), result(1, 1)), Error);
}

TEST(BenchHistory, AlarmsBelowTheRecordOnly) {
  const Json earlier[] = {result(100, 50), result(120, 40), Json::object()};
  EXPECT_TRUE(slower_than_record(earlier, result(118, 49)).empty()) << "within 5 %";
  const auto slower = slower_than_record(earlier, result(105, 49));
  ASSERT_EQ(slower.size(), 1u);
  EXPECT_EQ(slower[0].what, "prefill");
  EXPECT_DOUBLE_EQ(slower[0].before, 120);
  EXPECT_TRUE(slower_than_record(earlier, result(105, 49, 20)).empty()) << "the runs scatter as far";
  EXPECT_TRUE(slower_than_record({}, result(1, 1)).empty());
  EXPECT_TRUE(slower_than_record(earlier, result(200, 90)).empty());
}

}  // namespace
}  // namespace vivace
