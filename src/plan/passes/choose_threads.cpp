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

/// The fewest threads that come within 3 % of the best bandwidth that a measured curve shows.
int32_t enough_threads(const DeviceSpeed& speed) {
  double best = 0;
  for (const ThreadPoint& point : speed.thread_points) best = std::max(best, point.bytes_per_second);
  for (const ThreadPoint& point : speed.thread_points) {
    if (point.bytes_per_second >= 0.97 * best) return point.threads;
  }
  return speed.threads;
}

}  // namespace

void take_all_threads(PlanState& state) {
  state.plan.threads = checked(state.wishes.threads, std::max(1, state.host.logical_cores), "--threads");
  state.plan.threads_prefill = checked(state.wishes.threads_prefill, state.plan.threads, "--threads-prefill");
}

void choose_hybrid_threads(PlanState& state) {
  constexpr int32_t kLeast = 4, kMost = 8;
  Plan& plan = state.plan;
  const int32_t on_gpus = gpu_layers_of(plan, state.devices);
  const bool all = on_gpus == int32_t(plan.placement.layers.size()) && cpu_ffn_of(plan, state.devices) == 0;
  if (state.wishes.threads || on_gpus == 0 || all) return;
  int32_t wanted = kMost;
  for (const DeviceSpeed& speed : state.host.speeds) {
    if (speed.device == state.devices[0]->info().id && speed.measured && !speed.thread_points.empty()) {
      wanted = std::max(kLeast, enough_threads(speed));
    }
  }
  if (wanted >= plan.threads) return;
  plan.threads = wanted;
  plan.reasons.push_back("threads: " + std::to_string(wanted) +
                         " to generate, since layers on the GPU leave the CPU little to do; more would only be woken "
                         "in vain");
}

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
