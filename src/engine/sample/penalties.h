// Repeat penalty (Keskar et al. 2019), presence and frequency penalties (as OpenAI defines them), logit bias.
#pragma once

#include <algorithm>
#include <span>
#include <unordered_map>

#include "engine/sample/candidates.h"

namespace vivace {

/// `logits` is [vocabulary]; `history` are the sequence's tokens, prompt included.
inline void apply_penalties(std::span<float> logits, std::span<const TokenId> history, const SamplingOptions& options) {
  for (const auto& [id, bias] : options.logit_bias) logits[size_t(id)] += bias;
  const bool none = options.repeat_penalty == 1 && options.presence_penalty == 0 && options.frequency_penalty == 0;
  if (none || options.repeat_window == 0) return;
  const size_t window =
      options.repeat_window < 0 ? history.size() : std::min(history.size(), size_t(options.repeat_window));
  std::unordered_map<TokenId, int32_t> counts;
  for (TokenId id : history.last(window)) ++counts[id];
  for (const auto& [id, count] : counts) {
    float& logit = logits[size_t(id)];
    logit = logit > 0 ? logit / options.repeat_penalty : logit * options.repeat_penalty;
    logit -= options.presence_penalty + float(count) * options.frequency_penalty;
  }
}

}  // namespace vivace
