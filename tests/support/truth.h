// The truth about real models (conformance/real): how far a distribution is from it, its greedy answers.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/request.h"
#include "golden.h"

namespace vivace::test {

/// Divergence of our distribution from the truth over the truth's 32 best tokens, both renormalised; natural logs.
inline double divergence(const float* logprobs, const int32_t* ids, std::span<const float> logits) {
  constexpr int kBest = 32;
  double p_sum = 0, q_sum = 0, p[kBest], q[kBest];
  for (int i = 0; i < kBest; ++i) {
    p_sum += p[i] = std::exp(double(logprobs[i]));
    q_sum += q[i] = std::exp(double(logits[size_t(ids[i])]) - logits[size_t(ids[0])]);
  }
  double sum = 0;
  for (int i = 0; i < kBest; ++i) sum += p[i] / p_sum * std::log(p[i] / p_sum / (q[i] / q_sum));
  return sum;
}

/// An answer of the truth; margins: how much likelier each token was than the next best, in logits.
struct Greedy {
  std::vector<TokenId> prompt, generated;
  std::vector<double> margins;

  /// Tokens that any sound engine must agree with: up to the first whose margin is below its noise.
  size_t certain(double least_margin) const {
    size_t count = 0;
    while (count < margins.size() && margins[count] >= least_margin) ++count;
    return count;
  }
};

inline std::vector<Greedy> read_greedy(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  const auto prompts = json_numbers(text, "prompt_ids"), generated = json_numbers(text, "generated_ids"),
             margins = json_numbers(text, "margins");
  std::vector<Greedy> all;
  for (size_t i = 0; i < prompts.size(); ++i) {
    all.push_back(
        {{prompts[i].begin(), prompts[i].end()}, {generated.at(i).begin(), generated.at(i).end()}, margins.at(i)});
    EXPECT_EQ(all.back().generated.size(), all.back().margins.size());
  }
  return all;
}

}  // namespace vivace::test
