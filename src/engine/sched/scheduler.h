// Who computes what in the next turn. Pure: sees numbers, decides numbers; the engine does the work.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vivace {

/// A running sequence as the scheduler sees it, oldest first.
struct SchedulerEntry {
  int32_t pending = 0;  // tokens not computed yet; 1 and not in prefill: a decode; 0: takes no part
  bool prefill = false;
};

/// Tokens that entry `index` computes this turn.
struct TurnShare {
  int32_t index = 0;
  int32_t tokens = 0;
};

/// Running decodes first, one token each, then prefill chunks up to `token_budget` tokens in all, and `prefill_budget`
/// beside decodes. Of the prefills the oldest gets at least half; where others could be done with the rest, the
/// shortest of them get it: a long prompt doesn't hold up short ones, nor they it.
std::vector<TurnShare> plan_turn(std::span<const SchedulerEntry> entries, int32_t token_budget, int32_t prefill_budget);

}  // namespace vivace
