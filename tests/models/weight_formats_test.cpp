// A model with its matrices in each weight format, against the plain forward pass over the decoded weights.
#include <gtest/gtest.h>

#include "../ops/samples.h"
#include "../support/model_rig.h"
#include "../support/plain_model.h"
#include "base/test_data.h"

namespace vivace::test {
namespace {

#ifdef VIVACE_SANITIZED  // slow, and here for faults
constexpr int32_t kTokens = 12;
#else
constexpr int32_t kTokens = 24;
#endif

/// Encodes by the format's rule; formats without one get random blocks of about the right size.
std::vector<uint8_t> encode_matrix(const FormatRow& format, PlainTensor& tensor) {
  const size_t blocks = tensor.values.size() / format.block_columns;
  std::vector<uint8_t> bytes(blocks * format.block_bytes);
  if (format.encode) {
    format.encode(tensor.values.data(), bytes.data(), blocks);
  } else {
    ops_test::Random random(uint32_t(tensor.rows + int64_t{7} * uint32_t(format.format)));
    std::vector<std::vector<uint8_t>> pool;
    const double wanted = 1 / std::sqrt(double(tensor.columns));
    for (int attempt = 0; attempt < 20000 && pool.size() < 32; ++attempt) {
      std::vector<uint8_t> block = ops_test::make_block(format, random, false, -1);
      std::vector<float> values(format.block_columns);
      format.decode(block.data(), values.data(), 1);
      double squares = 0;
      for (float value : values) squares += double(value) * value;
      const double size = std::sqrt(squares / format.block_columns);
      if (size > wanted / 3 && size < wanted * 3) pool.push_back(std::move(block));
    }
    if (pool.empty()) throw std::runtime_error(std::string("no sane blocks of ") + format.name);
    for (size_t b = 0; b < blocks; ++b) {
      const std::vector<uint8_t>& block = pool[size_t(random.below(int32_t(pool.size())))];
      std::copy(block.begin(), block.end(), bytes.begin() + std::ptrdiff_t(b * format.block_bytes));
    }
  }
  format.decode(bytes.data(), tensor.values.data(), blocks);
  return bytes;
}

/// What a backend may do to the input of a matmul: int8 with a scale per 32 columns (per 256 where the weight's blocks
/// are that wide), 8 bits of mantissa for 16-bit floats, nothing for F32.
InputRounding rounding_for(const FormatRow& format) {
  if (format.format == Format::kF32) return {};
  if (format.block_columns == 1) {
    return [](Vector& x) {
      for (double& v : x) {
        int exponent = 0;
        const double mantissa = std::frexp(v, &exponent);
        v = std::ldexp(std::nearbyint(mantissa * 256) / 256, exponent);
      }
    };
  }
  const size_t group = format.block_columns == 256 ? 256 : 32;
  return [group](Vector& x) {
    for (size_t begin = 0; begin < x.size(); begin += group) {
      double peak = 0;
      for (size_t i = begin; i < begin + group; ++i) peak = std::max(peak, std::fabs(x[i]));
      if (peak == 0) continue;
      for (size_t i = begin; i < begin + group; ++i) x[i] = std::nearbyint(x[i] * 127 / peak) * peak / 127;
    }
  };
}

struct Difference {
  double mean = 0, most = 0;
};

template <class Row>
Difference difference(const std::vector<Row>& a, const std::vector<Vector>& b) {
  Difference d;
  size_t count = 0;
  for (size_t t = 0; t < b.size(); ++t) {
    for (size_t i = 0; i < b[t].size(); ++i, ++count) {
      const double error = std::fabs(double(a[t][i]) - b[t][i]);
      d.mean += error;
      if (!(error <= d.most)) d.most = error;
    }
  }
  d.mean /= double(count);
  return d;
}

std::vector<std::vector<float>> rows_of(const std::vector<float>& logits, size_t vocabulary) {
  std::vector<std::vector<float>> rows;
  for (size_t at = 0; at < logits.size(); at += vocabulary) {
    rows.emplace_back(logits.begin() + std::ptrdiff_t(at), logits.begin() + std::ptrdiff_t(at + vocabulary));
  }
  return rows;
}

class WeightFormats : public ::testing::TestWithParam<const FormatRow*> {
 protected:
  void check(PlainModel model) {
    const FormatRow& format = *GetParam();
    const std::filesystem::path quantised = folder_ / "quantised.gguf", decoded = folder_ / "decoded.gguf";
    write_plain_model(model, quantised, format.format,
                      [&](PlainTensor& tensor) { return encode_matrix(format, tensor); });
    write_plain_model(model, decoded);
    const std::vector<TokenId> tokens = random_tokens(kTokens, model.spec.vocabulary, 5);
    const std::vector<Vector> exact = plain_forward(model, tokens, kTokens);
    const InputRounding rounding = rounding_for(format);
    // The yardstick: what rounding the inputs alone does to the logits of this very model.
    const Difference noise =
        rounding ? difference(plain_forward(model, tokens, kTokens, rounding), exact) : Difference{};
    double size = 0;
    for (double v : exact.back()) size = std::max(size, std::fabs(v));
    for (const Backend& backend : backends_and_gpus()) {
      SCOPED_TRACE(backend.name);
      const auto run = [&](const std::filesystem::path& path, int32_t batch) {
        Rig rig(backend);
        return all_logits(*rig.load(path, score_wishes(kTokens, batch)), tokens);
      };
      const std::vector<float> logits = run(quantised, kTokens);
      const Difference error = difference(rows_of(logits, size_t(model.spec.vocabulary)), exact);
      const double float_noise = 1e-4 * size;
      EXPECT_LE(error.mean, (backend.exact ? 0 : 1.5 * noise.mean) + float_noise);
      // The largest of some thousand errors varies more than their mean.
      EXPECT_LE(error.most, (backend.exact ? 0 : 3 * noise.most) + float_noise);
      if (!backend.gpu) {
        EXPECT_EQ(run(quantised, 7), logits) << "batch 7";
      }
      if (backend.exact) {
        EXPECT_EQ(run(decoded, kTokens), logits) << "the decoded weights as F32";
      }
    }
  }

  TempFolder folder_;
};

TEST_P(WeightFormats, GeneratedModelIsWithinTheNoiseOfItsInputs) {
  PlainSpec spec;
  spec.layers = 2;
  spec.embedding = 256;
  spec.head_dim = 64;
  spec.feed_forward = 512;
  spec.vocabulary = 133;
  check(make_plain_model(spec));
}

TEST_P(WeightFormats, TiedEmbeddingServesBothEnds) {
  PlainSpec spec;
  spec.layers = 1;
  spec.embedding = 256;
  spec.head_dim = 64;
  spec.feed_forward = 256;
  spec.vocabulary = 65;
  spec.tied = true;
  check(make_plain_model(spec));
}

std::string format_name(const ::testing::TestParamInfo<const FormatRow*>& info) { return info.param->name; }

std::vector<const FormatRow*> all_formats() {
  std::vector<const FormatRow*> rows;
  for (const FormatRow& row : formats()) rows.push_back(&row);
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightFormats, ::testing::ValuesIn(all_formats()), format_name);

/// llama-k256 as plain numbers.
PlainModel read_plain_llama(const std::filesystem::path& path) {
  const GgufFile file = open_model_file(path, AccessMode::kMap);
  const Metadata& metadata = file.metadata();
  PlainModel model;
  PlainSpec& s = model.spec;
  s.layers = metadata.get_i32("llama.block_count");
  s.embedding = metadata.get_i32("llama.embedding_length");
  s.heads = metadata.get_i32("llama.attention.head_count");
  s.kv_heads = metadata.get_i32("llama.attention.head_count_kv");
  s.head_dim = metadata.find_i32("llama.attention.key_length").value_or(s.embedding / s.heads);
  s.feed_forward = metadata.get_i32("llama.feed_forward_length");
  s.vocabulary = metadata.get_i32("llama.vocab_size");
  s.epsilon = metadata.find_f32("llama.attention.layer_norm_rms_epsilon").value_or(1e-5f);
  s.rope_base = metadata.find_f32("llama.rope.freq_base").value_or(10000);
  s.tied = file.find_tensor("output.weight") == nullptr;
  for (const TensorInfo& info : file.tensors()) {
    const FormatRow& format = *find_format(info.ggml_type);
    PlainTensor tensor{int64_t(info.elements() / info.dims[0]), int64_t(info.dims[0]), {}};
    tensor.values.resize(info.elements());
    format.decode(file.tensor_data(info).data(), tensor.values.data(), info.elements() / format.block_columns);
    model.tensors[std::string(info.name)] = std::move(tensor);
  }
  return model;
}

class ConformanceWeightFormats : public WeightFormats {};

TEST_P(ConformanceWeightFormats, LlamaK256IsWithinTheNoiseOfItsInputs) {
  check(read_plain_llama(*conformance_dir() / "models/llama-k256/model.gguf"));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceWeightFormats);
INSTANTIATE_TEST_SUITE_P(Formats, ConformanceWeightFormats,
                         ::testing::ValuesIn(conformance_path("models/llama-k256", "llama-k256 in every weight format")
                                                 ? all_formats()
                                                 : std::vector<const FormatRow*>{}),
                         format_name);

}  // namespace
}  // namespace vivace::test
