// Planted causes are found, with their share; nothing is found where nothing is planted.
#include "advise/why.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

/// A run of 100 tokens in 10 seconds, as predicted, on two CPUs.
RunFacts calm_run() {
  RunFacts facts;
  facts.model = "model.gguf";
  facts.at = "2026-11-27T10:00:00Z";
  facts.measured = facts.predicted = 10;
  facts.threads = facts.automatic_threads = 2;
  facts.layers = 32;
  facts.wall = 10;
  facts.own_cpu = 20;
  facts.cpus = 2;
  facts.clock = 1;
  return facts;
}

/// The run with half of the predicted speed.
RunFacts slow_run() {
  RunFacts facts = calm_run();
  facts.measured = 5;
  facts.wall = 20;
  return facts;
}

double seconds_of(const WhyAnswer& answer, const std::string& name) {
  for (const Cause& cause : answer.causes) {
    if (cause.name == name) {
      EXPECT_FALSE(cause.evidence.empty() || cause.fix.empty()) << name;
      return cause.seconds;
    }
  }
  return 0;
}

TEST(Why, ACalmRunHasNoCauses) {
  const WhyAnswer answer = explain_speed(calm_run());
  EXPECT_TRUE(answer.causes.empty());
  EXPECT_DOUBLE_EQ(answer.ideal, 10);
  EXPECT_NEAR(answer.unexplained, 0, 1e-12);
}

TEST(Why, FindsOtherLoad) {
  RunFacts facts = slow_run();
  facts.other_cpu = 20;  // one of two CPUs
  const WhyAnswer answer = explain_speed(facts);
  ASSERT_EQ(answer.causes.size(), 1u);
  EXPECT_NEAR(seconds_of(answer, "other load"), 0.1, 1e-9);
  EXPECT_NEAR(answer.unexplained, 0, 1e-9);
}

TEST(Why, FindsStolenTime) {
  RunFacts facts = slow_run();
  facts.stolen = 20;
  const WhyAnswer answer = explain_speed(facts);
  ASSERT_EQ(answer.causes.size(), 1u);
  EXPECT_NE(answer.causes[0].evidence.find("virtual machines"), std::string::npos);
}

TEST(Why, FindsSwapAndDisk) {
  RunFacts facts = slow_run();
  facts.swapped_pages = 50000;
  facts.major_faults = 20000;
  facts.disk_bytes = 10000000000;
  const WhyAnswer answer = explain_speed(facts);
  EXPECT_NEAR(seconds_of(answer, "swap"), 0.05, 1e-9);
  EXPECT_NEAR(seconds_of(answer, "disk"), 0.05, 1e-9);
  EXPECT_NEAR(answer.unexplained, 0, 1e-9);
}

TEST(Why, FindsALowClock) {
  RunFacts facts = slow_run();
  facts.clock = 0.5;
  EXPECT_NEAR(seconds_of(explain_speed(facts), "clock"), 0.1, 1e-9);
  facts.clock = 0;
  facts.now_rate = 0.5;
  EXPECT_NEAR(seconds_of(explain_speed(facts), "clock"), 0.1, 1e-9);
}

TEST(Why, FindsWrongThreads) {
  RunFacts facts = calm_run();
  facts.threads = 1;
  facts.better.threads = 18;
  const WhyAnswer answer = explain_speed(facts);
  ASSERT_EQ(answer.causes.size(), 1u);
  EXPECT_NEAR(seconds_of(answer, "threads"), 1 / 10.0 - 1 / 18.0, 1e-9);
  EXPECT_NEAR(answer.ideal, 18, 1e-9);
}

TEST(Why, FindsSpillDepthAndGenericKernels) {
  RunFacts facts = calm_run();
  facts.gpu_layers = 20;
  facts.better.spill = 40;
  facts.better.depth = 11;
  facts.depth = 3000;
  facts.better.formats = 12;
  facts.generic_formats = "IQ2_XS";
  const WhyAnswer answer = explain_speed(facts);
  ASSERT_EQ(answer.causes.size(), 3u);
  EXPECT_EQ(answer.causes[0].name, "spill to the CPU");  // the largest first
  EXPECT_GT(seconds_of(answer, "depth"), 0);
  EXPECT_NE(answer.causes[0].evidence.find("12 of 32"), std::string::npos);
  EXPECT_GT(answer.ideal, 40);
}

TEST(Why, MappedWeightsTakeWhatIsLeft) {
  RunFacts facts = slow_run();
  facts.mapped = true;
  EXPECT_NEAR(seconds_of(explain_speed(facts), "mapped weights"), 0.1, 1e-9);
}

TEST(Why, SaysWhatItCanNotExplain) {
  const WhyAnswer answer = explain_speed(slow_run());
  EXPECT_TRUE(answer.causes.empty());
  EXPECT_NEAR(answer.unexplained, 0.1, 1e-9);
}

TEST(Why, CausesAreNeverMoreThanTheTime) {
  RunFacts facts = slow_run();
  facts.other_cpu = facts.stolen = 19;
  facts.swapped_pages = 1 << 30;
  facts.clock = 0.1;
  double sum = 0;
  for (const Cause& cause : explain_speed(facts).causes) sum += cause.seconds;
  EXPECT_LE(sum, 0.1 + 1e-9);
}

TEST(Why, FactsComeBackAsTheyWere) {
  RunFacts facts = slow_run();
  facts.better = {1, 2, 3, 4};
  facts.generic_formats = "TQ1_0";
  facts.mapped = true;
  EXPECT_EQ(facts_json(parse_facts_json(facts_json(facts))), facts_json(facts));
  EXPECT_THROW(parse_facts_json(Json::object()), Error);
  RunFacts nothing = calm_run();
  nothing.measured = 0;
  EXPECT_THROW(explain_speed(nothing), Error);
}

}  // namespace
}  // namespace vivace
