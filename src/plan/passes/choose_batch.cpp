#include <algorithm>

#include "base/error.h"
#include "plan/passes/passes.h"

namespace vivace {

void choose_batch(PlanState& state) {
  constexpr int32_t kMostTokens = 16384, kMostSequences = 1024;
  const Wishes& wishes = state.wishes;
  Plan& plan = state.plan;
  plan.parallel = wishes.parallel.value_or(wishes.automatic_parallel);
  if (plan.parallel < 1 || plan.parallel > kMostSequences) {
    throw Error(ErrorCode::kInvalidArgument, "--parallel must be between 1 and " + std::to_string(kMostSequences));
  }
  const int32_t batch = wishes.batch_size.value_or(std::max(wishes.automatic_batch, plan.parallel));
  if (batch < plan.parallel || batch > kMostTokens) {  // every sequence decodes a token in the same step
    throw Error(ErrorCode::kInvalidArgument, "--batch-size must be between " + std::to_string(plan.parallel) +
                                                 " (one token for each of --parallel) and " +
                                                 std::to_string(kMostTokens));
  }
  const int32_t outputs = wishes.outputs.value_or(plan.parallel);
  if (outputs < 1 || outputs > kMostTokens) {
    throw Error(ErrorCode::kInvalidArgument, "outputs of a step must be between 1 and " + std::to_string(kMostTokens));
  }
  plan.limits.tokens = batch;
  plan.limits.sequences = plan.parallel;
  // Every sequence may want its logits in the same step.
  plan.limits.outputs = std::min(plan.limits.tokens, std::max(outputs, plan.parallel));
  if (!wishes.batch_size) {
    const bool interactive = wishes.automatic_batch <= 512;
    plan.reasons.push_back(
        "batch size: " + std::to_string(batch) +
        (interactive ? " tokens, enough for interactive use" : " tokens: prompts of many users are read in few steps"));
  }
}

}  // namespace vivace
