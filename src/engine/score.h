// How well a model predicts a text: teacher-forced logits, negative log-likelihood, perplexity.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/loaded_model.h"
#include "engine/request.h"
#include "engine/step.h"

namespace vivace {

struct Score {
  int32_t tokens = 0;
  double mean_nll = 0;    // nats per token, over tokens 1 .. n - 1 given all before
  double perplexity = 0;  // exp(mean_nll)
};

/// Receives the logits after each position, in order: [vocabulary].
using LogitsSink = std::function<void(int32_t position, std::span<const float> logits)>;

/// Runs `tokens` through the model as one sequence, in steps of the plan's outputs limit. Throws Error kContextOverflow
/// where they don't fit the plan's context, kInvalidArgument for ids outside the vocabulary.
Score score_tokens(const LoadedModel& model, std::span<const TokenId> tokens, const LogitsSink& sink = {});
/// The same with a runner of the model that is there.
Score score_tokens(const LoadedModel& model, StepRunner& runner, std::span<const TokenId> tokens,
                   const LogitsSink& sink = {});

}  // namespace vivace
