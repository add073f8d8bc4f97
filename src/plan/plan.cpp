#include "plan/plan.h"

#include "plan/passes/passes.h"

namespace vivace {

std::span<const PlanPass> plan_passes() {
  static constexpr PlanPass kPasses[] = {
      {"threads", choose_threads}, {"batch", choose_batch},    {"place-layers", place_layers},
      {"context", choose_context}, {"memory", account_memory},
  };
  return kPasses;
}

namespace {

bool is_vector(const TensorCard& tensor) { return tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector; }

}  // namespace

Plan make_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host, const Wishes& wishes) {
  Plan plan;
  plan.map_weights = wishes.map_weights;
  PlanState state{card, devices, host, wishes, plan};
  for (const PlanPass& pass : plan_passes()) pass.run(state);
  return plan;
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
