#include "engine/sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/sample/min_p.h"
#include "engine/sample/penalties.h"
#include "engine/sample/temperature.h"
#include "engine/sample/top_p.h"

namespace vivace {
namespace {

using Truncation = void (*)(Candidates&, const SamplingOptions&);

/// The chain after top-k (Candidates::assign), in the order that llama.cpp and LM Studio apply.
constexpr Truncation kChain[] = {apply_top_p, apply_min_p, apply_temperature};

void check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInvalidArgument, what);
}

void check_options(const SamplingOptions& options, int32_t vocabulary) {
  check(options.temperature >= 0 && options.temperature <= 100, "temperature must be between 0 and 100");
  check(options.top_k >= 0, "top_k must not be negative (0: all tokens)");
  check(options.top_p > 0 && options.top_p <= 1, "top_p must be above 0 and at most 1");
  check(options.min_p >= 0 && options.min_p <= 1, "min_p must be between 0 and 1");
  check(options.repeat_penalty > 0 && options.repeat_penalty <= 100, "repeat_penalty must be above 0 and at most 100");
  check(std::abs(options.presence_penalty) <= 100, "presence_penalty must be between -100 and 100");
  check(std::abs(options.frequency_penalty) <= 100, "frequency_penalty must be between -100 and 100");
  check(options.repeat_window >= -1, "repeat_window must be at least -1 (-1: all tokens)");
  check(options.logprobs >= -1 && options.logprobs <= 128, "logprobs must be between -1 (none) and 128");
  for (const auto& [id, bias] : options.logit_bias) {
    check(id >= 0 && id < vocabulary, "logit_bias names a token outside the vocabulary");
    check(bias < std::numeric_limits<float>::infinity(), "logit_bias must be a number or -infinity");
  }
}

constexpr float kNever = -std::numeric_limits<float>::infinity();

/// The highest value; several maxima side by side, which compilers turn into vectors.
float highest_value(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  float best[kLanes];
  std::fill_n(best, kLanes, kNever);
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) best[k] = logits[i + k] > best[k] ? logits[i + k] : best[k];
  }
  for (; i < logits.size(); ++i) best[0] = std::max(best[0], logits[i]);
  return *std::max_element(best, best + kLanes);
}

/// Index of the highest logit, the first of equals. NaN never wins.
TokenId highest(std::span<const float> logits) {
  const auto found = std::find(logits.begin(), logits.end(), highest_value(logits));
  return found == logits.end() ? 0 : TokenId(found - logits.begin());
}

/// Takes the tokens out whose bit is not set. Most words are all or nothing.
void leave_only(std::span<float> logits, std::span<const uint32_t> allowed) {
  for (size_t word = 0; word < allowed.size() && word * 32 < logits.size(); ++word) {
    const uint32_t bits = allowed[word];
    if (bits == ~uint32_t{0}) continue;
    const std::span<float> part = logits.subspan(word * 32, std::min<size_t>(32, logits.size() - word * 32));
    if (bits == 0) {
      std::fill(part.begin(), part.end(), kNever);
      continue;
    }
    for (size_t i = 0; i < part.size(); ++i) part[i] = (bits >> i & 1) == 0 ? kNever : part[i];
  }
}

float log_sum_exp(std::span<const float> logits, float shift) {
  double sum = 0;
  for (float logit : logits) sum += std::exp(double(logit - shift));
  return shift + float(std::log(sum));
}

std::vector<TokenLogprob> most_probable(std::span<const float> logits, int32_t count, float total) {
  Candidates best;
  best.assign(logits, size_t(count));
  std::vector<TokenLogprob> top;
  for (const Candidate& token : best.tokens) top.push_back({token.id, token.logit - total});
  return top;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int32_t vocabulary) : options_(options), random_(options.seed) {
  check_options(options, vocabulary);
}

TokenId Sampler::draw(Candidates& candidates) {
  for (Truncation truncate : kChain) truncate(candidates, options_);
  candidates.normalise();
  const double point = double(random_() >> 11) * 0x1.0p-53;  // [0, 1)
  double sum = 0;
  for (const Candidate& token : candidates.tokens) {
    sum += token.probability;
    if (point < sum) return token.id;
  }
  return candidates.tokens.back().id;
}

Sampled Sampler::sample(std::span<const float> logits, std::span<const TokenId> history,
                        std::span<const uint32_t> allowed) {
  Sampled result;
  adjusted_.assign(logits.begin(), logits.end());
  for (float& logit : adjusted_) logit = std::isnan(logit) ? kNever : logit;  // has no place in an order
  apply_penalties(adjusted_, history, options_);
  leave_only(adjusted_, allowed);
  const TokenId best = highest(adjusted_);
  if (options_.temperature == 0 || options_.top_k == 1) {
    result.id = best;
  } else {
    candidates_.assign(adjusted_, size_t(options_.top_k));
    result.id = draw(candidates_);
  }
  if (options_.logprobs >= 0) {
    const float total = log_sum_exp(logits, logits[size_t(highest(logits))]);
    result.logprob = logits[size_t(result.id)] - total;
    if (options_.logprobs > 0) result.top = most_probable(logits, options_.logprobs, total);
  }
  return result;
}

}  // namespace vivace
