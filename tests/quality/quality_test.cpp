// The quality gate: the two real models against the truth that was computed on their dequantised weights
// (conformance/real). Bounds are what the best peer reaches with int8 activations, and a little more.
// Instruction sets that are slow here (scalar, the reference) run a beginning of the text (96 and 64 tokens) and of the
// answers; their bounds are widened by three standard errors of what so few tokens can show. Builds that are not
// optimised run 32 tokens on the best instruction set: they look for faults, not for quality.
#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <random>

#include "../support/golden.h"
#include "../support/model_rig.h"
#include "../support/truth.h"
#include "base/os/paths.h"
#include "base/test_data.h"
#include "engine/engine.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

/// What llama.cpp reaches on the same file with int8 activations (conformance/README.md).
struct RealModel {
  const char* kind;
  const char* file;
  double peer_top1;
  double peer_kl;
};

constexpr RealModel kModels[] = {
    {"smollm2", "smollm2-135m-instruct.gguf", 0.967, 0.0027},
    {"gemma3", "gemma3-270m-it-q4_k_m.gguf", 0.960, 0.0058},
};

struct QualityCase {
  RealModel model;
  fs::path file, truth;  // truth: conformance/real
  Backend backend;

  bool fast() const {
#ifdef NDEBUG
    return backend.name != "reference" && backend.name != "cpu_scalar";
#else
    return false;
#endif
  }
};

void PrintTo(const QualityCase& c, std::ostream* out) { *out << c.model.kind << " on " << c.backend.name; }

std::vector<QualityCase> find_quality_cases() {
  std::vector<QualityCase> cases;
  const auto truth = conformance_path("real", "the quality gate");
  if (!truth) return cases;
  for (const RealModel& model : kModels) {
    const fs::path file = app_paths(read_environment()).models / model.file;
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
      std::printf("did not run: the quality gate of %s (no model file %s)\n", model.kind, model.file);
      continue;
    }
    std::vector<Backend> all = backends();
#ifndef NDEBUG
    all = {all.at(1)};
#endif
    for (const Backend& backend : all) cases.push_back({model, file, *truth, backend});
  }
  return cases;
}

/// The framework asks more than once; the list and its "did not run" lines are made once.
const std::vector<QualityCase>& quality_cases() {
  static const std::vector<QualityCase> cases = find_quality_cases();
  return cases;
}

class Quality : public ::testing::TestWithParam<QualityCase> {
 protected:
  template <class T>
  std::vector<T> truth(const char* what) const {
    return read_array<T>(GetParam().truth / (std::string(GetParam().model.kind) + what));
  }
  /// Float noise for the reference, int8 activations for all others.
  bool exact() const { return GetParam().backend.exact; }
  Format kv_format() const { return exact() ? Format::kF32 : Format::kF16; }
  double least_margin() const { return exact() ? 1e-3 : 0.4; }
};

TEST_P(Quality, TextIsPredictedAsByTheTruth) {
  std::vector<TokenId> tokens = truth<TokenId>(".tokens.i32");
  const std::vector<int32_t> best_ids = truth<int32_t>(".topk_ids.i32");
  const std::vector<float> best_logprobs = truth<float>(".topk_logprobs.f32"), nll = truth<float>(".nll.f32");
  if (!GetParam().fast()) tokens.resize(exact() ? 64 : 96);
#ifndef NDEBUG
  tokens.resize(32);
#endif
  const size_t n = tokens.size();
  double truth_nll = 0;
  for (size_t i = 0; i + 1 < n; ++i) truth_nll += nll[i] / double(n - 1);

  Rig rig(GetParam().backend);
  const auto model = rig.load(GetParam().file, score_wishes(int32_t(n), 128, kv_format()));
  int agreements = 0;
  std::vector<double> divergences;
  const Score score = score_tokens(*model, tokens, [&](int32_t position, std::span<const float> logits) {
    const int32_t* ids = &best_ids[size_t(position) * 32];
    agreements += std::max_element(logits.begin(), logits.end()) - logits.begin() == ids[0];
    divergences.push_back(divergence(&best_logprobs[size_t(position) * 32], ids, logits));
  });
  double kl = 0, kl_squares = 0;
  for (double d : divergences) kl += d / double(n);
  for (double d : divergences) kl_squares += (d - kl) * (d - kl) / double(n);
  const double top1 = agreements / double(n), perplexity_ratio = score.perplexity / std::exp(truth_nll);
  std::printf("%s on %s, %zu tokens: top-1 %.4f, mean KL %.6f, perplexity %.4f (%+.3f %%)\n", GetParam().model.kind,
              GetParam().backend.name.c_str(), n, top1, kl, score.perplexity, 100 * (perplexity_ratio - 1));
  if (exact()) {
    EXPECT_GE(top1, 1 - 1.0 / double(n)) << "one near-tie at most";
    EXPECT_LE(kl, 1e-5);
    EXPECT_NEAR(perplexity_ratio, 1, 1e-4);
    return;
  }
  const double peer = GetParam().model.peer_top1;
  const double few = GetParam().fast() ? 0 : 3 / std::sqrt(double(n));  // three standard errors
  EXPECT_GE(top1, peer - 0.004 - few * std::sqrt(peer * (1 - peer)));
  EXPECT_LE(kl, 1.08 * GetParam().model.peer_kl + few * std::sqrt(kl_squares));
  // The peer is off by 0.4 % and 1 %; a token's log-likelihood is off by about sqrt(2 KL).
  EXPECT_LE(std::fabs(perplexity_ratio - 1), 0.011 + few * std::sqrt(2 * kl));
}

TEST_P(Quality, GreedyAnswersAreThoseOfTheTruth) {
  std::vector<Greedy> all = read_greedy(GetParam().truth / (std::string(GetParam().model.kind) + ".greedy.json"));
  ASSERT_GT(all.size(), 3u);
  if (!GetParam().fast()) all.resize(2);
  Rig rig(GetParam().backend);
  Wishes wishes;
  wishes.context_length = 512;
  wishes.parallel = 4;
  wishes.kv_format = kv_format();
  const auto model = rig.load(GetParam().file, wishes);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<TokenId>> answers(all.size());
  size_t running = 0, compared = 0;
  Engine engine(*model, nullptr);
  for (size_t i = 0; i < all.size(); ++i) {
    Request request;
    request.prompt = all[i].prompt;
    request.sampling.temperature = 0;
    const size_t certain = all[i].certain(least_margin());
    request.max_tokens = int32_t(GetParam().fast() ? certain : std::min<size_t>(certain, 4));
    {
      const std::lock_guard lock(mutex);
      ++running;
    }
    engine.submit(request, [&, i](RequestId, const Event& event) {
      const std::lock_guard lock(mutex);
      if (const auto* token = std::get_if<TokenEvent>(&event)) answers[i].push_back(token->id);
      if (const auto* failed = std::get_if<Failed>(&event)) ADD_FAILURE() << failed->error.what();
      if (std::holds_alternative<Finished>(event) || std::holds_alternative<Failed>(event)) --running;
      changed.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return running == 0; });
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<TokenId>& generated = all[i].generated;
    EXPECT_EQ(answers[i],
              std::vector<TokenId>(generated.begin(), generated.begin() + std::ptrdiff_t(answers[i].size())))
        << "prompt " << i;
    compared += answers[i].size();
  }
  EXPECT_GT(compared, 0u);
}

// Teacher-forced along the true answers, every position with a clear margin counts, also behind a near-tie.
TEST_P(Quality, ClearChoicesAreMadeAsByTheTruth) {
  std::vector<Greedy> all = read_greedy(GetParam().truth / (std::string(GetParam().model.kind) + ".greedy.json"));
  if (!GetParam().fast()) all.resize(1);
  Rig rig(GetParam().backend);
  const auto model = rig.load(GetParam().file, score_wishes(512, 64, kv_format()));
  for (size_t i = 0; i < all.size(); ++i) {
    const Greedy& greedy = all[i];
    std::vector<TokenId> tokens = greedy.prompt;
    tokens.insert(tokens.end(), greedy.generated.begin(), greedy.generated.end());
    if (!GetParam().fast()) tokens.resize(std::min(tokens.size(), greedy.prompt.size() + 4));
    score_tokens(*model, tokens, [&](int32_t position, std::span<const float> logits) {
      const int64_t at = int64_t{position} + 1 - int64_t(greedy.prompt.size());
      if (at < 0 || at >= int64_t(greedy.generated.size()) || greedy.margins[size_t(at)] < least_margin()) return;
      EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), greedy.generated[size_t(at)])
          << "prompt " << i << ", answer token " << at << ", margin " << greedy.margins[size_t(at)];
    });
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Quality);
INSTANTIATE_TEST_SUITE_P(Real, Quality, ::testing::ValuesIn(quality_cases()),
                         [](const ::testing::TestParamInfo<QualityCase>& test) {
                           return std::string(test.param.model.kind) + "_" + test.param.backend.name;
                         });

}  // namespace
}  // namespace vivace::test
