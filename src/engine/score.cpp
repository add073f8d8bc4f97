#include "engine/score.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/step.h"

namespace vivace {
namespace {

/// -log softmax(logits)[id]
double negative_log_likelihood(std::span<const float> logits, TokenId id) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(double(logit) - highest);
  return std::log(sum) + highest - logits[size_t(id)];
}

}  // namespace

Score score_tokens(const LoadedModel& model, std::span<const TokenId> tokens, const LogitsSink& sink) {
  StepRunner runner(model);
  return score_tokens(model, runner, tokens, sink);
}

Score score_tokens(const LoadedModel& model, StepRunner& runner, std::span<const TokenId> tokens,
                   const LogitsSink& sink) {
  if (int64_t(tokens.size()) > model.plan.context_length) {
    throw Error(ErrorCode::kContextOverflow, std::to_string(tokens.size()) + " tokens don't fit a context of " +
                                                 std::to_string(model.plan.context_length));
  }
  for (TokenId id : tokens) {
    if (id >= 0 && id < model.card.vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument, "token " + std::to_string(id) + " is outside the vocabulary of " +
                                                 std::to_string(model.card.vocabulary));
  }
  PageTables tables;
  Score score;
  score.tokens = int32_t(tokens.size());
  double sum = 0;
  const int32_t chunk = std::min(runner.limits().tokens, runner.limits().outputs);
  for (int32_t begin = 0; begin < score.tokens; begin += chunk) {
    const int32_t count = std::min(chunk, score.tokens - begin);
    if (!runner.grow(tables, begin, begin + count))
      throw Error(ErrorCode::kInternal, "the KV pool is smaller than the plan");
    const StepSequence sequence{tokens.subspan(size_t(begin), size_t(count)), begin, &tables, count};
    runner.run({&sequence, 1});
    for (int32_t i = 0; i < count; ++i) {
      const std::span<const float> logits = runner.logits(i);
      if (begin + i + 1 < score.tokens) sum += negative_log_likelihood(logits, tokens[size_t(begin) + i + 1]);
      if (sink) sink(begin + i, logits);
    }
  }
  runner.release(tables);
  score.mean_nll = score.tokens > 1 ? sum / (score.tokens - 1) : 0;
  score.perplexity = std::exp(score.mean_nll);
  return score;
}

}  // namespace vivace
