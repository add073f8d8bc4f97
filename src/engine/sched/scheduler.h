// Who computes what in the next turn. Pure: sees numbers, decides numbers; the engine does the work.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vivace {

/// A running sequence as the scheduler sees it, oldest first.
struct SchedulerEntry {
  int32_t pending = 0;  // tokens not computed yet; 1 and not in prefill: a decode
  bool prefill = false;
};

/// Tokens that entry `index` computes this turn.
struct TurnShare {
  int32_t index = 0;
  int32_t tokens = 0;
};

/// Running decodes first, one token each, then prefill chunks of the oldest up to `token_budget` tokens in all.
std::vector<TurnShare> plan_turn(std::span<const SchedulerEntry> entries, int32_t token_budget);

}  // namespace vivace
