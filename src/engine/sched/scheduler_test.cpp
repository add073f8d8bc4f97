#include "engine/sched/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/sched/pressure_watch.h"
#include "engine/sched/turn_pace.h"

namespace vivace {
namespace {

constexpr SchedulerEntry kDecode{1, false};
constexpr SchedulerEntry prefill(int32_t pending) { return {pending, true}; }

std::vector<std::pair<int32_t, int32_t>> plan(const std::vector<SchedulerEntry>& entries, int32_t budget,
                                              int32_t prefill_budget = 1 << 20) {
  std::vector<std::pair<int32_t, int32_t>> shares;
  for (const TurnShare& share : plan_turn(entries, budget, prefill_budget))
    shares.emplace_back(share.index, share.tokens);
  return shares;
}

using Shares = std::vector<std::pair<int32_t, int32_t>>;

TEST(Scheduler, NothingToDo) {
  EXPECT_EQ(plan({}, 10), Shares{});
  EXPECT_EQ(plan({kDecode}, 0), Shares{});
}

TEST(Scheduler, DecodesComeBeforePrefill) {
  EXPECT_EQ(plan({prefill(100), kDecode, kDecode}, 16), (Shares{{1, 1}, {2, 1}, {0, 14}}));
}

TEST(Scheduler, PrefillIsCutToTheBudgetOldestFirst) {
  EXPECT_EQ(plan({prefill(5), prefill(100), prefill(100)}, 16), (Shares{{0, 5}, {1, 11}}));
}

TEST(Scheduler, PromptsAreCutWhereAnswersWait) {
  EXPECT_EQ(plan({kDecode, prefill(100)}, 64, 32), (Shares{{0, 1}, {1, 32}}));
  EXPECT_EQ(plan({prefill(100)}, 64, 32), (Shares{{0, 64}})) << "nobody waits";
}

TEST(Scheduler, ShortPromptsGoBesideALongOne) {
  EXPECT_EQ(plan({prefill(1000), prefill(40), prefill(12)}, 64), (Shares{{0, 52}, {2, 12}}));
  EXPECT_EQ(plan({prefill(1000), prefill(20), prefill(12)}, 64), (Shares{{0, 32}, {2, 12}, {1, 20}}));
  EXPECT_EQ(plan({prefill(1000), prefill(40)}, 64), (Shares{{0, 64}})) << "it would not be done with its half";
}

TEST(Scheduler, MoreDecodesThanTokensServesTheOldest) {
  EXPECT_EQ(plan({kDecode, kDecode, kDecode}, 2), (Shares{{0, 1}, {1, 1}}));
}

TEST(TurnPace, ReadsWhatKeepsToTheTime) {
  TurnPace pace(0.2);
  EXPECT_EQ(pace.prompt_tokens(512), 64) << "nothing is known yet";
  pace.took(64, 0.064);
  EXPECT_EQ(pace.prompt_tokens(512), 192);
  pace.took(192, 0.384);  // slower at depth
  EXPECT_EQ(pace.prompt_tokens(512), 128);
  pace.took(1, 0.05);
  EXPECT_EQ(pace.prompt_tokens(512), 128) << "the time of answers says nothing of prompts";
  pace.took(128, 100);
  EXPECT_EQ(pace.prompt_tokens(512), 32) << "prompts go on in any case";
  EXPECT_EQ(pace.prompt_tokens(8), 8);
  EXPECT_EQ(TurnPace(0).prompt_tokens(512), 512);
}

TEST(TurnPace, KnowsWhatAnswersTakeByThemselves) {
  TurnPace pace(0.2);
  pace.took(0, 0.04);
  pace.took(64, 0.04 + 0.064);
  EXPECT_EQ(pace.prompt_tokens(512), 160);
  pace.took(160, 0.2);
  EXPECT_EQ(pace.prompt_tokens(512), 160);
  pace.took(0, 0.4);
  pace.took(0, 0.4);
  EXPECT_EQ(pace.prompt_tokens(512), 32) << "answers alone take longer than that";
}

TEST(Scheduler, RandomTurnsKeepTheirPromises) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<SchedulerEntry> entries;
    for (int i = 0; i < int(random() % 8); ++i) {
      entries.push_back(random() % 2 ? kDecode : prefill(1 + int32_t(random() % 40)));
    }
    const int32_t budget = int32_t(random() % 64), prefill_budget = 1 + int32_t(random() % 64);
    int32_t sum = 0, wanted = 0;
    std::vector<int32_t> given(entries.size(), 0);
    for (const TurnShare& share : plan_turn(entries, budget, prefill_budget)) {
      ASSERT_GT(share.tokens, 0);
      ASSERT_EQ(given[size_t(share.index)], 0) << "one share each";
      given[size_t(share.index)] = share.tokens;
      sum += share.tokens;
    }
    bool starved = false;
    for (size_t i = 0; i < entries.size(); ++i) {
      ASSERT_LE(given[i], entries[i].pending);
      wanted += entries[i].pending;
      if (entries[i].prefill) continue;
      ASSERT_FALSE(starved && given[i] > 0) << "a younger decode before an older one";
      starved = starved || given[i] == 0;
    }
    int32_t decodes = 0, prompts = 0;
    for (size_t i = 0; i < entries.size(); ++i) (entries[i].prefill ? prompts : decodes) += given[i];
    const int32_t for_prompts = decodes > 0 ? std::min(budget - decodes, prefill_budget) : budget;
    const auto waiting = std::count_if(entries.begin(), entries.end(), [](const auto& e) { return !e.prefill; });
    ASSERT_EQ(sum, std::min(int32_t(waiting), budget) + std::min(for_prompts, wanted - int32_t(waiting)))
        << "no token of the budget is wasted";
    const auto oldest = std::find_if(entries.begin(), entries.end(), [](const auto& e) { return e.prefill; });
    if (oldest == entries.end() || prompts == 0) continue;
    ASSERT_GE(given[size_t(oldest - entries.begin())], std::min(oldest->pending, (for_prompts + 1) / 2));
  }
}

TEST(PressureWatch, StrainsAtATenthAndIsRelievedMuchLater) {
  PressureWatch watch;
  EXPECT_TRUE(watch.due(0));
  watch.look(100, 5000);  // long ago
  EXPECT_FALSE(watch.strained());
  EXPECT_FALSE(watch.due(100.5));
  EXPECT_TRUE(watch.due(101));
  watch.look(101, 5000.09);
  EXPECT_FALSE(watch.strained());
  watch.look(103, 5000.30);
  EXPECT_TRUE(watch.strained());
  watch.look(104, 5000.35);
  EXPECT_TRUE(watch.strained()) << "still somewhat short";
  watch.look(105, 5000.36);
  EXPECT_FALSE(watch.strained());
}

}  // namespace
}  // namespace vivace
