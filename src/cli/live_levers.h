// Levers of a loaded model, by the names of their options.
#pragma once

#include <string>

#include "plan/plan.h"

namespace vivace {

/// Sets a wish from words: context-length, kv-type, batch-size, parallel, threads, threads-prefill; "auto" leaves it to
/// the planner. Throws Error kInvalidArgument for other names and values.
void set_live_lever(const std::string& name, const std::string& value, Wishes& wishes);

/// What stands now, a line for each lever.
std::string live_levers_text(const Plan& plan);

}  // namespace vivace
