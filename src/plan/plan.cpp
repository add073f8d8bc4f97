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

Plan make_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host, const Wishes& wishes) {
  Plan plan;
  PlanState state{card, devices, host, wishes, plan};
  for (const PlanPass& pass : plan_passes()) pass.run(state);
  return plan;
}

Layout loaded_layout(const TensorCard& tensor, const Device& device) {
  if (tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector) return Layout::kRows;
  return device.preferred_layout(KernelOp::kMatmul, tensor.format->format, tensor.rows, tensor.columns);
}

size_t loaded_bytes(const TensorCard& tensor, const Device& device) {
  const bool vector = tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector;
  const size_t bytes =
      vector ? size_t(tensor.rows) * size_t(tensor.columns) * sizeof(float)
             : weight_bytes(*tensor.format, loaded_layout(tensor, device), size_t(tensor.rows), size_t(tensor.columns));
  return (bytes + kWeightBorder - 1) / kWeightBorder * kWeightBorder;
}

}  // namespace vivace
