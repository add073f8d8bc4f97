#include "engine/sched/scheduler.h"

#include <algorithm>

namespace vivace {

std::vector<TurnShare> plan_turn(std::span<const SchedulerEntry> entries, int32_t token_budget) {
  std::vector<TurnShare> turn;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].prefill || token_budget == 0) continue;
    turn.push_back({int32_t(i), 1});
    --token_budget;
  }
  for (size_t i = 0; i < entries.size() && token_budget > 0; ++i) {
    if (!entries[i].prefill) continue;
    const int32_t tokens = std::min(entries[i].pending, token_budget);
    turn.push_back({int32_t(i), tokens});
    token_budget -= tokens;
  }
  return turn;
}

}  // namespace vivace
