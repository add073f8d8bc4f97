// Requests that arrive at a rate, as benchmarks send them.
#include "bench/arrivals.h"

#include "engine_rig.h"

namespace vivace::test {
namespace {

TEST(Arrivals, AllAreAnsweredAndTimed) {
  TinyEngine tiny(engine_wishes(128, 3));
  tiny.open();
  const ArrivalRun run{.rate = 500, .requests = 12, .prompt = 20, .generate = 6};
  const ArrivalResult result = measure_arrivals(*tiny.engine, tiny.model->card, run);
  EXPECT_EQ(result.generated, 12 * 6);
  EXPECT_GT(result.seconds, 0);
  EXPECT_GT(result.first.p50, 0);
  EXPECT_LE(result.first.p50, result.first.p95);
  EXPECT_LE(result.gaps.p50, result.gaps.max);
}

TEST(Arrivals, AFailedRequestAndACallerWhoLeavesEndTheMeasurement) {
  TinyEngine tiny(engine_wishes(64, 2));
  tiny.open();
  const ArrivalRun too_long{.rate = 1000, .requests = 3, .prompt = 100, .generate = 2};
  EXPECT_THROW(measure_arrivals(*tiny.engine, tiny.model->card, too_long), Error);
  const ArrivalRun slow{.rate = 0.001, .requests = 2, .prompt = 4, .generate = 2};
  const auto leave = [] { throw Error(ErrorCode::kCancelled, "enough"); };
  EXPECT_THROW(measure_arrivals(*tiny.engine, tiny.model->card, slow, leave), Error);
}

}  // namespace
}  // namespace vivace::test
