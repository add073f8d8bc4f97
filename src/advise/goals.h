// What people want a model for, and what that asks of the levers.
#pragma once

#include <span>
#include <string_view>

#include "plan/plan.h"

namespace vivace {

/// One use. Sources: the advice of reference/lm-studio-performance.txt (2048 tokens for code, 4096 for chat, 8 to 16
/// thousand for documents and agents; batch 512 for one person, 1024 to 2048 for a server).
struct Goal {
  const char* name;
  int32_t context_length;
  int32_t batch_size;
  int32_t parallel;
  const char* why;
};

std::span<const Goal> goals();

/// Sets what auto begins with; throws Error kInvalidArgument for an unknown goal.
void apply_goal(std::string_view name, Wishes& wishes);

}  // namespace vivace
