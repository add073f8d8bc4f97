#include "advise/goals.h"

#include <string>

#include "base/error.h"

namespace vivace {

namespace {

/// One use. Sources: the advice of reference/lm-studio-performance.txt (2048 tokens for code, 4096 for chat, 8 to 16
/// thousand for documents and agents; batch 512 for one person, 1024 to 2048 for a server).
struct Goal {
  const char* name;
  int32_t context_length;
  int32_t batch_size;
  int32_t parallel;
  int32_t prompt, generate;
};

constexpr Goal kGoals[] = {{"chat", 4096, 512, 1, 512, 128},
                           {"code", 2048, 512, 1, 1024, 128},
                           {"documents", 16384, 1024, 1, 4096, 128},
                           {"agent", 16384, 1024, 1, 4096, 256},
                           {"server", 4096, 2048, 8, 512, 128}};

const Goal& find_goal(std::string_view name) {
  std::string known;
  for (const Goal& goal : kGoals) {
    if (name == goal.name) return goal;
    known += (known.empty() ? "" : ", ") + std::string(goal.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "--for can't be '" + std::string(name) + "'", "it takes one of " + known);
}

}  // namespace

void apply_goal(std::string_view name, Wishes& wishes) {
  const Goal& goal = find_goal(name);
  wishes.automatic_context = goal.context_length;
  wishes.automatic_batch = goal.batch_size;
  wishes.automatic_parallel = goal.parallel;
}

Workload workload_of(std::string_view name) {
  const Goal& goal = find_goal(name);
  return {goal.prompt, goal.generate, goal.parallel};
}

}  // namespace vivace
