#include <algorithm>

#include "base/error.h"
#include "plan/passes/passes.h"

namespace vivace {
namespace {

int32_t checked(std::optional<int32_t> wish, int32_t automatic, const char* option) {
  constexpr int32_t kMost = 1024;
  if (!wish) return automatic;
  if (*wish < 1 || *wish > kMost) {
    throw Error(ErrorCode::kInvalidArgument, std::string(option) + " must be between 1 and " + std::to_string(kMost));
  }
  return *wish;
}

}  // namespace

void choose_threads(PlanState& state) {
  const int32_t cores = std::max(1, state.host.physical_cores);
  Plan& plan = state.plan;
  plan.threads = checked(state.wishes.threads, cores, "--threads");
  plan.threads_prefill = checked(state.wishes.threads_prefill, plan.threads, "--threads-prefill");
  if (!state.wishes.threads) {
    plan.reasons.push_back("threads: " + std::to_string(plan.threads) + ", the physical cores this process may use");
  } else if (plan.threads > cores) {
    plan.reasons.push_back("threads: " + std::to_string(plan.threads) + " as asked, more than the " +
                           std::to_string(cores) + " physical cores: expect it to be slower");
  }
}

}  // namespace vivace
