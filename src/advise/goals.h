// What people want a model for, and what that asks of the levers.
#pragma once

#include <string_view>

#include "plan/plan.h"

namespace vivace {

/// Sets what auto begins with: chat, code, documents, agent, server. Throws Error kInvalidArgument for another goal.
void apply_goal(std::string_view name, Wishes& wishes);

}  // namespace vivace
