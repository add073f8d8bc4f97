// Generated tiny models of every variation that the architectures know, against the plain forward pass in double.
#include <gtest/gtest.h>

#include "../support/model_rig.h"
#include "../support/plain_model.h"

namespace vivace::test {
namespace {

struct Variation {
  std::string name;
  PlainSpec spec;
};

template <class Change>
Variation vary(const char* name, Change change) {
  Variation variation{name, {}};
  variation.spec.seed = std::hash<std::string>{}(name);
  change(variation.spec);
  return variation;
}

std::vector<Variation> variations() {
  const auto gemma = [](PlainSpec& s) {
    s.architecture = "gemma3";
    s.layers = 7;
    s.embedding = 48;
    s.heads = 4;
    s.kv_heads = 1;
    s.tied = true;
    s.window = 16;
    s.rope_base = 1e6f;
  };
  return {
      vary("gqa", [](PlainSpec&) {}),
      vary("mqa", [](PlainSpec& s) { s.kv_heads = 1; }),
      vary("all_heads", [](PlainSpec& s) { s.kv_heads = s.heads; }),
      vary("tied", [](PlainSpec& s) { s.tied = true; }),
      vary("biases", [](PlainSpec& s) { s.biases = true; }),
      vary("wide_heads", [](PlainSpec& s) { s.head_dim = 32; }),
      vary("one_layer", [](PlainSpec& s) { s.layers = 1; }),
      vary("odd_widths",
           [](PlainSpec& s) {
             s.embedding = 60;
             s.feed_forward = 77;
             s.vocabulary = 101;
             s.head_dim = 14;
           }),
      vary("rope_linear",
           [](PlainSpec& s) {
             s.scaling = Scaling::kLinear;
             s.rope_factor = 4;
           }),
      vary("rope_yarn",
           [](PlainSpec& s) {
             s.scaling = Scaling::kYarn;
             s.rope_factor = 4;
             s.original_context = 16;
           }),
      vary("rope_llama3", [](PlainSpec& s) { s.llama3_factors = true; }),
      vary("rope_longrope_long",
           [](PlainSpec& s) {
             s.scaling = Scaling::kLongRope;
             s.original_context = 32;
             s.attention_factor = 1.19f;
           }),
      vary("rope_longrope_short",
           [](PlainSpec& s) {
             s.scaling = Scaling::kLongRope;
             s.original_context = 256;
             s.attention_factor = 1.19f;
           }),
      vary("gemma3", gemma),
      vary("gemma3_gqa",
           [&](PlainSpec& s) {
             gemma(s);
             s.kv_heads = 2;
             s.window = 33;
             s.window_rope_base = 5000;
           }),
  };
}

struct PlainCase {
  Variation variation;
  Backend backend;
};

void PrintTo(const PlainCase& c, std::ostream* out) { *out << c.variation.name << " on " << c.backend.name; }

std::vector<PlainCase> plain_cases() {
  std::vector<PlainCase> cases;
  for (const Variation& variation : variations()) {
    for (const Backend& backend : backends()) cases.push_back({variation, backend});
  }
  return cases;
}

class PlainModels : public ::testing::TestWithParam<PlainCase> {
 protected:
  static constexpr int32_t kTokens = 72;  // more than two pages, more than two windows

  void SetUp() override {
    model_ = make_plain_model(GetParam().variation.spec);
    write_plain_model(model_, path_);
    tokens_ = random_tokens(kTokens, model_.spec.vocabulary, 3);
  }

  std::vector<float> run(int32_t batch, Format kv = Format::kF32, std::vector<int32_t> split = {}) {
    Rig rig(GetParam().backend, 2, split.empty() ? 1 : 2);
    Wishes wishes = score_wishes(kTokens, batch, kv);
    wishes.layer_split = std::move(split);
    return all_logits(*rig.load(path_, wishes), tokens_);
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "model.gguf";
  PlainModel model_;
  std::vector<TokenId> tokens_;
};

/// Largest |a - b| over the root mean square of b.
double relative_error(const std::vector<float>& a, const std::vector<Vector>& b) {
  double most = 0, squares = 0;
  size_t i = 0;
  for (const Vector& row : b) {
    for (double value : row) {
      const double error = std::fabs(double(a.at(i++)) - value);
      if (!(error <= most)) most = error;
      squares += value * value;
    }
  }
  return most / std::sqrt(squares / double(i));
}

// Noise of f32 sums through a few layers is about 1e-6 of the logits; 1e-4 catches every wrong formula.
TEST_P(PlainModels, ComputeWhatThePlainForwardComputes) {
  const std::vector<Vector> expected = plain_forward(model_, tokens_, kTokens);
  EXPECT_LE(relative_error(run(kTokens), expected), 1e-4);
  EXPECT_LE(relative_error(run(kTokens, Format::kF16), expected), 2e-2);
  if (model_.spec.head_dim % 32 == 0) {
    EXPECT_LE(relative_error(run(kTokens, Format::kQ8_0), expected), 8e-2);
  }
}

TEST_P(PlainModels, BitsDependOnTheHistoryAlone) {
  const std::vector<float> whole = run(kTokens, Format::kF16);
  for (int32_t batch : {1, 7, 16, 48}) EXPECT_EQ(run(batch, Format::kF16), whole) << "batch " << batch;
  const int32_t layers = model_.spec.layers;
  EXPECT_EQ(run(16, Format::kF16, {layers / 2, layers - layers / 2}), whole) << "split over two devices";
}

INSTANTIATE_TEST_SUITE_P(Variations, PlainModels, ::testing::ValuesIn(plain_cases()),
                         [](const ::testing::TestParamInfo<PlainCase>& test) {
                           return test.param.variation.name + "_" + test.param.backend.name;
                         });

}  // namespace
}  // namespace vivace::test
