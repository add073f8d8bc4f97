// Chooses the next token of one sequence: penalties, then the chain of truncations, then a draw.
#pragma once

#include <random>
#include <span>
#include <vector>

#include "engine/sample/candidates.h"

namespace vivace {

struct Sampled {
  TokenId id = 0;
  float logprob = 0;              // where logprobs >= 0
  std::vector<TokenLogprob> top;  // where logprobs > 0
};

class Sampler {
 public:
  /// Throws Error kInvalidArgument, naming the option, for values out of range.
  Sampler(const SamplingOptions& options, int32_t vocabulary);

  /// `logits`: [vocabulary]; `history`: the sequence so far. The same options, seed, logits and history give the same
  /// token, whatever else runs.
  /// `allowed`: a bit for each token that may be chosen, the lowest first; empty: all.
  Sampled sample(std::span<const float> logits, std::span<const TokenId> history,
                 std::span<const uint32_t> allowed = {});

 private:
  TokenId draw(Candidates& candidates);

  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<float> adjusted_;  // logits after penalties and bias
  Candidates candidates_;
};

}  // namespace vivace
