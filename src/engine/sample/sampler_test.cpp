// Each sampling option against a brute-force computation of the distribution it should leave.
#include "engine/sample/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace vivace {
namespace {

constexpr int32_t kVocabulary = 50;

SamplingOptions plain() {
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

std::vector<float> random_logits(uint64_t seed, int32_t count = kVocabulary) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> logits(static_cast<size_t>(count));
  for (float& logit : logits) logit = normal(random);
  return logits;
}

std::vector<double> softmax(const std::vector<double>& logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  double sum = 0;
  for (double logit : logits) sum += p.emplace_back(std::exp(logit - highest));
  for (double& value : p) value /= sum;
  return p;
}

/// The distribution by definition: penalties, then top-k, top-p, min-p on the probabilities that are left, then
/// temperature.
std::vector<double> expected(std::vector<float> raw, const std::vector<TokenId>& history,
                             const SamplingOptions& options) {
  std::vector<double> logits(raw.begin(), raw.end());
  for (const auto& [id, bias] : options.logit_bias) logits[size_t(id)] += bias;
  const size_t window =
      options.repeat_window < 0 ? history.size() : std::min(history.size(), size_t(options.repeat_window));
  std::map<TokenId, int> counts;
  for (size_t i = history.size() - window; i < history.size(); ++i) ++counts[history[i]];
  for (const auto& [id, count] : counts) {
    double& logit = logits[size_t(id)];
    logit = logit > 0 ? logit / options.repeat_penalty : logit * options.repeat_penalty;
    logit -= options.presence_penalty + count * options.frequency_penalty;
  }
  std::vector<size_t> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
  if (options.top_k > 0) order.resize(std::min(order.size(), size_t(options.top_k)));
  const auto kept = [&] {
    std::vector<double> values;
    for (size_t i : order) values.push_back(logits[i]);
    return values;
  };
  std::vector<double> p = softmax(kept());
  double sum = 0;
  size_t count = 0;
  while (count < p.size() && sum < options.top_p) sum += p[count++];
  order.resize(std::max<size_t>(count, 1));
  p = softmax(kept());
  for (count = 0; count < p.size() && p[count] >= options.min_p * p[0];) ++count;
  order.resize(count);
  std::vector<double> heated = kept();
  for (double& value : heated) value /= options.temperature;
  p = softmax(heated);
  std::vector<double> all(logits.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) all[order[i]] = p[i];
  return all;
}

/// Draws many tokens and compares their shares with the expected ones; what has probability 0 must never come.
void check(const SamplingOptions& options, const std::vector<TokenId>& history = {1}) {
  const std::vector<float> logits = random_logits(11);
  const std::vector<double> p = expected(logits, history, options);
  Sampler sampler(options, kVocabulary);
  constexpr int kDraws = 40000;
  std::vector<int> drawn(kVocabulary, 0);
  for (int i = 0; i < kDraws; ++i) ++drawn[size_t(sampler.sample(logits, history).id)];
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) {
      EXPECT_EQ(drawn[i], 0) << "token " << i;
    }
    const double deviation = std::sqrt(p[i] * (1 - p[i]) / kDraws);
    EXPECT_NEAR(double(drawn[i]) / kDraws, p[i], 5 * deviation + 1e-9) << "token " << i;
  }
}

TEST(Sampler, PlainSoftmax) { check(plain()); }

TEST(Sampler, Temperature) {
  for (float temperature : {0.3f, 0.8f, 2.5f}) {
    SamplingOptions options = plain();
    options.temperature = temperature;
    check(options);
  }
}

TEST(Sampler, TopK) {
  for (int32_t k : {2, 7, 49, 50, 1000}) {
    SamplingOptions options = plain();
    options.top_k = k;
    check(options);
  }
}

TEST(Sampler, TopP) {
  for (float p : {0.01f, 0.5f, 0.9f, 0.999f}) {
    SamplingOptions options = plain();
    options.top_p = p;
    check(options);
  }
}

TEST(Sampler, MinP) {
  for (float p : {0.02f, 0.3f, 1.0f}) {
    SamplingOptions options = plain();
    options.min_p = p;
    check(options);
  }
}

TEST(Sampler, AllTogetherWithPenaltiesAndBias) {
  SamplingOptions options;
  options.temperature = 1.3f;
  options.top_k = 30;
  options.top_p = 0.97f;
  options.min_p = 0.01f;
  options.repeat_penalty = 1.4f;
  options.presence_penalty = 0.3f;
  options.frequency_penalty = 0.2f;
  options.repeat_window = 6;
  options.logit_bias = {{3, 2.0f}, {4, -std::numeric_limits<float>::infinity()}};
  check(options, {9, 9, 9, 1, 2, 3, 3, 3, 20, 21});
  options.repeat_window = -1;
  check(options, {9, 9, 9, 1, 2, 3, 3, 3, 20, 21});
  options.repeat_window = 0;
  check(options, {});
}

TEST(Sampler, GreedyTakesTheBestAndTheFirstOfEquals) {
  SamplingOptions options;
  options.temperature = 0;
  std::vector<float> logits = random_logits(2);
  logits[30] = logits[20] = 100;
  EXPECT_EQ(Sampler(options, kVocabulary).sample(logits, {}).id, 20);
  options.temperature = 1;
  options.top_k = 1;
  EXPECT_EQ(Sampler(options, kVocabulary).sample(logits, {}).id, 20);
  options.top_k = 0;
  options.temperature = 1e-38f;
  for (int i = 0; i < 20; ++i) {
    const TokenId id = Sampler(options, kVocabulary).sample(random_logits(uint64_t(i)), {}).id;
    const std::vector<float> same = random_logits(uint64_t(i));
    EXPECT_EQ(id, std::max_element(same.begin(), same.end()) - same.begin());
  }
}

TEST(Sampler, LogitBiasMovesEvenTheGreedyChoice) {
  SamplingOptions options;
  options.temperature = 0;
  options.logit_bias = {{17, 100.0f}};
  EXPECT_EQ(Sampler(options, kVocabulary).sample(random_logits(2), {}).id, 17);
}

TEST(Sampler, SeedsReproduce) {
  const auto draw = [](uint64_t seed) {
    SamplingOptions options = plain();
    options.seed = seed;
    Sampler sampler(options, kVocabulary);
    std::vector<TokenId> ids;
    for (int i = 0; i < 50; ++i) ids.push_back(sampler.sample(random_logits(uint64_t(i)), {}).id);
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, LogprobsAreOfTheModelBeforeAnyOption) {
  SamplingOptions options;
  options.temperature = 0.2f;
  options.top_k = 3;
  options.logit_bias = {{5, 3.0f}};
  options.logprobs = 4;
  const std::vector<float> logits = random_logits(23);
  const Sampled sampled = Sampler(options, kVocabulary).sample(logits, {});
  const std::vector<double> p = softmax({logits.begin(), logits.end()});
  EXPECT_NEAR(sampled.logprob, std::log(p[size_t(sampled.id)]), 1e-5);
  ASSERT_EQ(sampled.top.size(), 4u);
  std::vector<double> sorted = p;
  std::sort(sorted.rbegin(), sorted.rend());
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(sampled.top[i].logprob, std::log(sorted[i]), 1e-5);
    EXPECT_NEAR(p[size_t(sampled.top[i].id)], sorted[i], 1e-12);
  }
  options.logprobs = 0;
  EXPECT_TRUE(Sampler(options, kVocabulary).sample(logits, {}).top.empty());
  EXPECT_LT(Sampler(options, kVocabulary).sample(logits, {}).logprob, 0);
  options.logprobs = 128;
  EXPECT_EQ(Sampler(options, kVocabulary).sample(logits, {}).top.size(), size_t(kVocabulary))
      << "no more than there are";
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  struct Bad {
    const char* name;
    void (*set)(SamplingOptions&);
  };
  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Bad bad[] = {
      {"temperature", [](SamplingOptions& o) { o.temperature = -0.1f; }},
      {"temperature", [](SamplingOptions& o) { o.temperature = kNan; }},
      {"top_k", [](SamplingOptions& o) { o.top_k = -1; }},
      {"top_p", [](SamplingOptions& o) { o.top_p = 0; }},
      {"top_p", [](SamplingOptions& o) { o.top_p = 1.01f; }},
      {"min_p", [](SamplingOptions& o) { o.min_p = -0.1f; }},
      {"min_p", [](SamplingOptions& o) { o.min_p = kNan; }},
      {"repeat_penalty", [](SamplingOptions& o) { o.repeat_penalty = 0; }},
      {"presence_penalty", [](SamplingOptions& o) { o.presence_penalty = kInfinity; }},
      {"frequency_penalty", [](SamplingOptions& o) { o.frequency_penalty = kNan; }},
      {"repeat_window", [](SamplingOptions& o) { o.repeat_window = -2; }},
      {"logprobs", [](SamplingOptions& o) { o.logprobs = 129; }},
      {"logprobs", [](SamplingOptions& o) { o.logprobs = -2; }},
      {"logit_bias",
       [](SamplingOptions& o) {
         o.logit_bias = {{kVocabulary, 1.0f}};
       }},
      {"logit_bias",
       [](SamplingOptions& o) {
         o.logit_bias = {{-1, 1.0f}};
       }},
      {"logit_bias",
       [](SamplingOptions& o) {
         o.logit_bias = {{1, kNan}};
       }},
      {"logit_bias",
       [](SamplingOptions& o) {
         o.logit_bias = {{1, kInfinity}};
       }},
  };
  for (const Bad& each : bad) {
    SamplingOptions options;
    each.set(options);
    try {
      Sampler sampler(options, kVocabulary);
      ADD_FAILURE() << each.name << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(each.name), std::string::npos) << error.what();
    }
  }
}

TEST(Sampler, BannedAndBrokenLogitsDoNoHarm) {
  SamplingOptions options = plain();
  std::vector<float> logits(kVocabulary, -std::numeric_limits<float>::infinity());
  logits[7] = -3;
  EXPECT_EQ(Sampler(options, kVocabulary).sample(logits, {}).id, 7);
  std::vector<float> broken(kVocabulary, std::numeric_limits<float>::quiet_NaN());
  const TokenId id = Sampler(options, kVocabulary).sample(broken, {}).id;
  EXPECT_GE(id, 0);
  EXPECT_LT(id, kVocabulary);
}

}  // namespace
}  // namespace vivace
