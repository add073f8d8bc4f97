#include "plan/plan.h"

#include <algorithm>

#include "base/error.h"
#include "plan/passes/passes.h"

namespace vivace {

std::span<const PlanPass> plan_passes() {
  static constexpr PlanPass kPasses[] = {
      {"threads", "threads that compute", choose_threads, take_all_threads},
      {"batch", "tokens of a step", choose_batch, choose_batch},
      {"place-layers", "which device holds which layers", place_layers, place_on_first},
      {"hybrid-threads", "fewer threads beside a GPU", choose_hybrid_threads, [](PlanState&) {}},
      {"context", "context length and KV cache", choose_context, take_trained_context},
      {"memory", "whether it fits", account_memory, write_ledgers},
  };
  return kPasses;
}

namespace {

bool is_vector(const TensorCard& tensor) { return tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector; }

void check_without(const std::vector<std::string>& without) {
  for (const std::string& name : without) {
    std::string known;
    bool found = false;
    for (const PlanPass& pass : plan_passes()) {
      known += (known.empty() ? "" : ", ") + std::string(pass.name);
      found = found || name == pass.name;
    }
    if (!found) {
      throw Error(ErrorCode::kInvalidArgument, "--without: there is no pass '" + name + "'", "there are " + known);
    }
  }
}

}  // namespace

Plan make_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host, const Wishes& wishes) {
  Plan plan;
  plan.map_weights = wishes.map_weights;
  plan.reasons = wishes.notes;
  PlanState state{card, devices, host, wishes, plan};
  check_without(wishes.without);
  for (const PlanPass& pass : plan_passes()) {
    if (std::find(wishes.without.begin(), wishes.without.end(), pass.name) == wishes.without.end()) {
      pass.run(state);
    } else {
      pass.neutral(state);
      plan.reasons.push_back("without the pass " + std::string(pass.name) + " (" + pass.what + "), as asked");
    }
  }
  return plan;
}

std::vector<DeviceSpeed> speeds_of(const HostFacts& host, std::span<Device* const> devices, int32_t threads) {
  std::vector<DeviceSpeed> speeds;
  for (const Device* device : devices) {
    const auto found = std::find_if(host.speeds.begin(), host.speeds.end(),
                                    [&](const DeviceSpeed& speed) { return speed.device == device->info().id; });
    if (found == host.speeds.end()) return {};
    speeds.push_back(with_threads(*found, threads, host.physical_cores));
  }
  return speeds;
}

bool stays_in_file(const TensorCard& tensor, const Device& device, bool map_weights) {
  return map_weights && device.info().kind == DeviceKind::kCpu && !is_vector(tensor);
}

Layout loaded_layout(const TensorCard& tensor, const Device& device, bool map_weights) {
  if (is_vector(tensor) || stays_in_file(tensor, device, map_weights)) return Layout::kRows;
  return device.preferred_layout(KernelOp::kMatmul, tensor.format->format, tensor.rows, tensor.columns);
}

size_t loaded_bytes(const TensorCard& tensor, const Device& device, bool map_weights) {
  if (stays_in_file(tensor, device, map_weights)) return 0;
  const size_t rows = size_t(tensor.rows), columns = size_t(tensor.columns);
  const size_t bytes = is_vector(tensor)
                           ? rows * columns * sizeof(float)
                           : weight_bytes(*tensor.format, loaded_layout(tensor, device, map_weights), rows, columns);
  return (bytes + kWeightBorder - 1) / kWeightBorder * kWeightBorder;
}

}  // namespace vivace
