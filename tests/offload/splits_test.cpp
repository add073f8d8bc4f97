// SmolLM2 with any number of layers on a GPU, on three, and with the KV cache in host memory: what the truth predicts,
// and the same bits when the same split runs twice.
#include <cstdlib>
#include <set>

#include "../support/truth.h"
#include "base/os/paths.h"
#include "base/test_data.h"
#include "offload_rig.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

class RealSplits : public Offload {
 protected:
  void SetUp() override {
    Offload::SetUp();
    const auto truth = conformance_path("real", "splits of SmolLM2");
    file_ = app_paths(read_environment()).models / "smollm2-135m-instruct.gguf";
    if (IsSkipped()) return;
    if (!truth || !fs::exists(file_)) GTEST_SKIP() << "did not run: SmolLM2 or its truth is not here";
    truth_ = *truth;
    answers_ = read_greedy(truth_ / "smollm2.greedy.json");
    if (!is_thorough()) answers_.resize(1);
    text_ = read_array<TokenId>(truth_ / "smollm2.tokens.i32");
    text_.resize(is_thorough() ? 128 : 24);
  }

  static ModelSource load(OffloadRig& rig, const fs::path& file, Wishes wishes) {
    ModelSource source = rig.source(file, std::move(wishes));
    source.load();
    return source;
  }

  /// Teacher-forced along the true answers: the true token wherever its margin is clear.
  void expect_answers(ModelSource& source) const {
    for (const Greedy& answer : answers_) {
      std::vector<TokenId> tokens = answer.prompt;
      tokens.insert(tokens.end(), answer.generated.begin(), answer.generated.end());
      score_tokens(source.model(), source.runner(), tokens, [&](int32_t position, std::span<const float> logits) {
        const int64_t at = int64_t{position} + 1 - int64_t(answer.prompt.size());
        if (at < 0 || at >= int64_t(answer.generated.size()) || answer.margins[size_t(at)] < 0.4) return;
        EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), answer.generated[size_t(at)])
            << "answer token " << at;
      });
    }
  }

  /// The mean divergence from the truth, within what int8 activations cost and what so few tokens can show.
  std::vector<float> expect_text(ModelSource& source) const {
    constexpr double kPeer = 0.0027;  // llama.cpp's, conformance/README.md
    const std::vector<int32_t> ids = read_array<int32_t>(truth_ / "smollm2.topk_ids.i32");
    const std::vector<float> logprobs = read_array<float>(truth_ / "smollm2.topk_logprobs.f32");
    const std::vector<float> logits = logits_of(source, text_);
    const size_t vocabulary = size_t(source.card().vocabulary), n = text_.size();
    double kl = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      const double d =
          divergence(&logprobs[i * 32], &ids[i * 32], std::span(logits).subspan(i * vocabulary, vocabulary));
      kl += d / double(n);
      squares += d * d / double(n);
    }
    EXPECT_LE(kl, 1.08 * kPeer + 3 * std::sqrt((squares - kl * kl) / double(n)));
    return logits;
  }

  fs::path file_, truth_;
  std::vector<Greedy> answers_;
  std::vector<TokenId> text_;
};

TEST_F(RealSplits, AnyNumberOfLayersGivesTheAnswersOfTheTruth) {
  OffloadRig rig;
  const int32_t layers = rig.source(file_, {}).card().layers.size();
  std::set<int32_t> counts{1, 5, layers / 3, layers / 2, 2 * layers / 3, layers - 1, layers};
  for (int32_t n = 1; is_thorough() && n <= layers; ++n) counts.insert(n);
  for (int32_t count : counts) {
    SCOPED_TRACE(std::to_string(count) + " layers");
    ModelSource source = load(rig, file_, gpu_wishes(512, count));
    EXPECT_EQ(gpu_layers_of(source.plan(), source.devices()), count);
    expect_text(source);
    if (is_thorough() || count == layers / 2 || count == layers) expect_answers(source);
  }
  EXPECT_TRUE(rig.notes.empty());
}

TEST_F(RealSplits, TheSameSplitTwiceIsBitEqual) {
  std::vector<float> first;
  for (int run = 0; run < 2; ++run) {
    OffloadRig rig;
    ModelSource source = load(rig, file_, gpu_wishes(512, 7));
    std::vector<float> logits = logits_of(source, text_);
    if (run == 0)
      first = std::move(logits);
    else
      EXPECT_EQ(logits, first);
  }
}

TEST_F(RealSplits, ThreeGpusShareTheLayers) {
  OffloadRig rig(3);
  Wishes wishes = gpu_wishes(512, 20);
  wishes.gpu_split = {1, 2, 1};
  ModelSource source = load(rig, file_, wishes);
  const std::vector<int32_t>& layers = source.plan().placement.layers;
  EXPECT_EQ(std::count(layers.begin(), layers.end(), 0), 10);
  EXPECT_EQ(std::count(layers.begin(), layers.end(), 2), 10);
  expect_text(source);
  expect_answers(source);
}

TEST_F(RealSplits, FeedForwardMayStayOnTheCpu) {
  OffloadRig rig;
  const int32_t all = int32_t(rig.source(file_, {}).card().layers.size());
  // Some of some, all of some, all of all: the last layer's feed-forward reads the outputs' rows alone.
  for (const auto& [layers, kept] : {std::pair{12, 5}, {12, 12}, {all, all}}) {
    SCOPED_TRACE(std::to_string(kept) + " of " + std::to_string(layers));
    Wishes wishes = gpu_wishes(512, layers);
    wishes.cpu_ffn = LayerCount{LayerCount::Kind::kCount, kept, 0};
    ModelSource source = load(rig, file_, wishes);
    EXPECT_EQ(gpu_layers_of(source.plan(), source.devices()), layers);
    EXPECT_EQ(cpu_ffn_of(source.plan(), source.devices()), kept);
    EXPECT_EQ(rig.devices[1]->allocated_bytes(), source.plan().ledgers[1].total());
    expect_text(source);
    if (is_thorough() || kept == all) expect_answers(source);
  }
}

TEST_F(RealSplits, TheCacheMayLieInHostMemory) {
  OffloadRig rig;
  Wishes wishes = gpu_wishes(512, 12);
  ModelSource on_gpu = load(rig, file_, wishes);
  const std::vector<float> expected = logits_of(on_gpu, text_);
  const size_t with_kv = rig.devices[1]->allocated_bytes();
  { const ModelSource gone = std::move(on_gpu); }
  wishes.kv_on_gpu = false;
  ModelSource in_host = load(rig, file_, wishes);
  EXPECT_LT(rig.devices[1]->allocated_bytes(), with_kv);
  EXPECT_EQ(rig.devices[1]->allocated_bytes(), in_host.plan().ledgers[1].total());
  EXPECT_EQ(in_host.plan().ledgers[1].kv, 0u);
  EXPECT_EQ(logits_of(in_host, text_), expected) << "the same kernels on the same values";
}

}  // namespace
}  // namespace vivace::test
