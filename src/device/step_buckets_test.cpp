#include "device/step_buckets.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

TEST(StepBuckets, ArePowersOfTwoCutAtTheLimit) {
  const int32_t counts[] = {0, 1, 2, 3, 4, 5, 64, 65, 99, 100}, buckets[] = {0, 1, 2, 4, 4, 8, 64, 100, 100, 100};
  for (size_t i = 0; i < std::size(counts); ++i) EXPECT_EQ(bucket_of(counts[i], 100), buckets[i]) << counts[i];
}

TEST(StepBuckets, ShapesHoldEveryStepOfPrefillAndDecode) {
  const StepLimits limits{.tokens = 100, .outputs = 8};
  const std::vector<StepShape> shapes = bucket_shapes(limits);
  const auto has = [&](int32_t tokens, int32_t outputs) {
    return std::any_of(shapes.begin(), shapes.end(), [&](const StepShape& shape) {
      return shape.tokens == bucket_of(tokens, 100) && shape.outputs == bucket_of(outputs, 8);
    });
  };
  for (int32_t tokens = 1; tokens <= 100; ++tokens) EXPECT_TRUE(has(tokens, 0) && has(tokens, 1)) << tokens;
  for (int32_t sequences = 1; sequences <= 8; ++sequences) EXPECT_TRUE(has(sequences, sequences)) << sequences;
}

}  // namespace
}  // namespace vivace
