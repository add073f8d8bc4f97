#include "advise/goals.h"

#include <string>

#include "base/error.h"

namespace vivace {

std::span<const Goal> goals() {
  static constexpr Goal kGoals[] = {
      {"chat", 4096, 512, 1, "a conversation rarely needs more than 4096 tokens"},
      {"code", 2048, 512, 1, "a file and its completion fit in 2048 tokens"},
      {"documents", 16384, 1024, 1, "long texts are read whole"},
      {"agent", 16384, 1024, 1, "many turns with tools add up"},
      {"server", 4096, 2048, 8, "prompts of many users are read in few steps"},
  };
  return kGoals;
}

void apply_goal(std::string_view name, Wishes& wishes) {
  std::string known;
  for (const Goal& goal : goals()) {
    known += (known.empty() ? "" : ", ") + std::string(goal.name);
    if (name != goal.name) continue;
    wishes.automatic_context = goal.context_length;
    wishes.automatic_batch = goal.batch_size;
    wishes.automatic_parallel = goal.parallel;
    return;
  }
  throw Error(ErrorCode::kInvalidArgument, "--for can't be '" + std::string(name) + "'", "it takes one of " + known);
}

}  // namespace vivace
