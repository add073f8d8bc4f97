#include "engine/sched/scheduler.h"

#include <algorithm>

namespace vivace {
namespace {

/// The prefills but the oldest, those with the least left first; of equals the older.
std::vector<int32_t> shortest_first(std::span<const SchedulerEntry> entries, int32_t oldest) {
  std::vector<int32_t> others;
  for (int32_t i = oldest + 1; i < int32_t(entries.size()); ++i) {
    if (entries[size_t(i)].prefill && entries[size_t(i)].pending > 0) others.push_back(i);
  }
  std::stable_sort(others.begin(), others.end(),
                   [&](int32_t a, int32_t b) { return entries[size_t(a)].pending < entries[size_t(b)].pending; });
  return others;
}

}  // namespace

std::vector<TurnShare> plan_turn(std::span<const SchedulerEntry> entries, int32_t token_budget,
                                 int32_t prefill_budget) {
  std::vector<TurnShare> turn;
  int32_t oldest = -1;
  for (int32_t i = 0; i < int32_t(entries.size()); ++i) {
    if (entries[size_t(i)].prefill) {
      if (oldest < 0 && entries[size_t(i)].pending > 0) oldest = i;
    } else if (token_budget > 0) {
      turn.push_back({i, 1});
      --token_budget;
    }
  }
  int32_t left = turn.empty() ? token_budget : std::min(token_budget, prefill_budget);
  if (oldest < 0 || left == 0) return turn;
  const std::vector<int32_t> others = shortest_first(entries, oldest);
  int32_t given = 0;  // to others that are done with it
  for (int32_t other : others) {
    const int32_t pending = entries[size_t(other)].pending;
    if (given + pending > left / 2) break;
    given += pending;
  }
  const int32_t first = std::min(entries[size_t(oldest)].pending, left - given);
  turn.push_back({oldest, first});
  left -= first;
  for (int32_t other : others) {
    if (left == 0) break;
    const int32_t tokens = std::min(entries[size_t(other)].pending, left);
    turn.push_back({other, tokens});
    left -= tokens;
  }
  return turn;
}

}  // namespace vivace
