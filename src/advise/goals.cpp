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
};

constexpr Goal kGoals[] = {
    {"chat", 4096, 512, 1},    {"code", 2048, 512, 1},    {"documents", 16384, 1024, 1},
    {"agent", 16384, 1024, 1}, {"server", 4096, 2048, 8},
};

}  // namespace

void apply_goal(std::string_view name, Wishes& wishes) {
  std::string known;
  for (const Goal& goal : kGoals) {
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
