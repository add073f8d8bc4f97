#include "engine/sched/scheduler.h"

#include <gtest/gtest.h>

#include <random>

namespace vivace {
namespace {

constexpr SchedulerEntry kDecode{1, false};
constexpr SchedulerEntry prefill(int32_t pending) { return {pending, true}; }

std::vector<std::pair<int32_t, int32_t>> plan(const std::vector<SchedulerEntry>& entries, int32_t budget) {
  std::vector<std::pair<int32_t, int32_t>> shares;
  for (const TurnShare& share : plan_turn(entries, budget)) shares.emplace_back(share.index, share.tokens);
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

TEST(Scheduler, MoreDecodesThanTokensServesTheOldest) {
  EXPECT_EQ(plan({kDecode, kDecode, kDecode}, 2), (Shares{{0, 1}, {1, 1}}));
}

TEST(Scheduler, RandomTurnsKeepTheirPromises) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<SchedulerEntry> entries;
    for (int i = 0; i < int(random() % 8); ++i) {
      entries.push_back(random() % 2 ? kDecode : prefill(1 + int32_t(random() % 40)));
    }
    const int32_t budget = int32_t(random() % 64);
    int32_t sum = 0, wanted = 0;
    std::vector<int32_t> given(entries.size(), 0);
    for (const TurnShare& share : plan_turn(entries, budget)) {
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
    ASSERT_EQ(sum, std::min(budget, wanted)) << "no token of the budget is wasted";
  }
}

}  // namespace
}  // namespace vivace
