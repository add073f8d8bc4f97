#include <algorithm>

#include "base/error.h"
#include "plan/passes/passes.h"

namespace vivace {
namespace {

constexpr int32_t kLeastContext = 512;  // an automatic context doesn't shrink below

std::string trained_for(const ModelCard& card) {
  return "the model was trained for " + std::to_string(card.context_length) + " tokens";
}

}  // namespace

void provisional_context(PlanState& state) {
  state.plan.kv_format = state.wishes.kv_format.value_or(Format::kF16);
  state.plan.context_length =
      state.wishes.context_length.value_or(std::min(state.wishes.automatic_context, state.card.context_length));
}

void take_trained_context(PlanState& state) {
  provisional_context(state);
  if (!state.wishes.context_length) state.plan.context_length = state.card.context_length;
}

void choose_context(PlanState& state) {
  constexpr int32_t kMost = 1 << 24;
  Plan& plan = state.plan;
  const Wishes& wishes = state.wishes;
  plan.kv_format = wishes.kv_format.value_or(Format::kF16);
  for (Device* device : state.devices) {
    if (!find_kernel(device->info(), KernelOp::kKv, plan.kv_format, Layout::kRows)) {
      throw Error(ErrorCode::kUnsupported,
                  device->info().id + " keeps no KV cache in " + format_row(plan.kv_format).name, "use --kv-type f16");
    }
  }
  if (wishes.context_length) {
    if (*wishes.context_length < 1 || *wishes.context_length > kMost) {
      throw Error(ErrorCode::kInvalidArgument, "--context-length must be between 1 and " + std::to_string(kMost));
    }
    plan.context_length = *wishes.context_length;
    if (plan.context_length > state.card.context_length) {
      plan.reasons.push_back("context: " + std::to_string(plan.context_length) + " as asked, but " +
                             trained_for(state.card) + ": expect nonsense beyond");
    }
    return;
  }
  const int32_t automatic = std::min(wishes.automatic_context, state.card.context_length);
  plan.context_length = automatic;
  write_ledgers(state);
  while (overfull_device(plan) >= 0 && plan.context_length > kLeastContext) {
    plan.context_length = std::max(kLeastContext, plan.context_length / 2);
    write_ledgers(state);
  }
  std::string reason = "context: " + std::to_string(plan.context_length) + " tokens; " + trained_for(state.card);
  if (plan.context_length < automatic) {
    reason += "; " + std::to_string(automatic) + " would be the choice, but memory is short";
  }
  plan.reasons.push_back(reason);
}

}  // namespace vivace
