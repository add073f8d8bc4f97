// What people want a model for, and what that asks of the levers.
#pragma once

#include <string_view>

#include "plan/plan.h"

namespace vivace {

/// What a goal asks of a model again and again: read a prompt, write an answer.
struct Workload {
  int32_t prompt = 512;
  int32_t generate = 128;
  int32_t streams = 1;
};

// The goals are chat, code, documents, agent and server. Both throw Error kInvalidArgument for another one.

/// Sets what auto begins with.
void apply_goal(std::string_view name, Wishes& wishes);
Workload workload_of(std::string_view name);

}  // namespace vivace
