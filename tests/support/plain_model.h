// A model as plain numbers: generated at random or read back from a file, written as GGUF, and computed in double by
// one function that reads like the paper. The tests' own idea of what a decoder is; shares no code with src/models.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "gguf/writer.h"
#include "quant/formats.h"

namespace vivace::test {

enum class Scaling { kNone, kLinear, kYarn, kLongRope };

struct PlainSpec {
  std::string architecture = "llama";  // or "gemma3"
  int32_t layers = 3, embedding = 64, heads = 4, kv_heads = 2, head_dim = 16, feed_forward = 96, vocabulary = 128;
  int32_t context = 512;
  int32_t window = 0;  // gemma3: of all but each 6th layer
  float epsilon = 1e-5f;
  float rope_base = 10000, window_rope_base = 10000;
  Scaling scaling = Scaling::kNone;
  float rope_factor = 1, attention_factor = 1, beta_fast = 32, beta_slow = 1;
  int32_t original_context = 0;
  bool tied = false, biases = false;
  bool llama3_factors = false;  // rope_freqs.weight
  uint64_t seed = 1;

  bool gemma() const { return architecture == "gemma3"; }
  int32_t window_of(int32_t layer) const { return gemma() && (layer + 1) % 6 != 0 ? window : 0; }
};

struct PlainTensor {
  int64_t rows = 1, columns = 0;
  std::vector<float> values;
};

struct PlainModel {
  PlainSpec spec;
  std::map<std::string, PlainTensor> tensors;

  const PlainTensor* find(const std::string& name) const {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
  }
};

/// Random weights: matrices N(0, 1 / columns), norms around 1, biases small.
class PlainModelMaker {
 public:
  explicit PlainModelMaker(const PlainSpec& spec) : random_(spec.seed) { model_.spec = spec; }

  PlainModel make() {
    const PlainSpec& s = model_.spec;
    const int64_t q = int64_t{s.heads} * s.head_dim, kv = int64_t{s.kv_heads} * s.head_dim;
    add("token_embd.weight", s.vocabulary, s.embedding, 0, 1);
    if (!s.tied) matrix("output.weight", s.vocabulary, s.embedding);
    norm("output_norm.weight", s.embedding);
    if (s.llama3_factors) factors("rope_freqs.weight", 1, 8);
    if (s.scaling == Scaling::kLongRope) {
      factors("rope_factors_short.weight", 1, 1.5f);
      factors("rope_factors_long.weight", 2, 6);
    }
    for (int32_t i = 0; i < s.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      norm(blk + "attn_norm.weight", s.embedding);
      matrix(blk + "attn_q.weight", q, s.embedding);
      matrix(blk + "attn_k.weight", kv, s.embedding);
      matrix(blk + "attn_v.weight", kv, s.embedding);
      matrix(blk + "attn_output.weight", s.embedding, q);
      norm(blk + "ffn_norm.weight", s.embedding);
      matrix(blk + "ffn_gate.weight", s.feed_forward, s.embedding);
      matrix(blk + "ffn_up.weight", s.feed_forward, s.embedding);
      matrix(blk + "ffn_down.weight", s.embedding, s.feed_forward);
      if (s.biases) add_biases(blk, q, kv);
      if (!s.gemma()) continue;
      norm(blk + "attn_q_norm.weight", s.head_dim);
      norm(blk + "attn_k_norm.weight", s.head_dim);
      norm(blk + "post_attention_norm.weight", s.embedding);
      norm(blk + "post_ffw_norm.weight", s.embedding);
    }
    return std::move(model_);
  }

 private:
  void add(const std::string& name, int64_t rows, int64_t columns, float mean, float deviation) {
    PlainTensor tensor{rows, columns, std::vector<float>(size_t(rows * columns))};
    std::normal_distribution<float> normal(mean, deviation);
    for (float& value : tensor.values) value = normal(random_);
    model_.tensors[name] = std::move(tensor);
  }
  void matrix(const std::string& name, int64_t rows, int64_t columns) {
    add(name, rows, columns, 0, 1 / std::sqrt(float(columns)));
  }
  void norm(const std::string& name, int64_t columns) { add(name, 1, columns, 1, 0.1f); }
  void factors(const std::string& name, float least, float most) {
    const int32_t pairs = model_.spec.head_dim / 2;
    add(name, 1, pairs, 0, 0);
    for (int32_t i = 0; i < pairs; ++i) {
      model_.tensors[name].values[size_t(i)] = least + (most - least) * float(i) / float(pairs);
    }
  }
  void add_biases(const std::string& blk, int64_t q, int64_t kv) {
    const PlainSpec& s = model_.spec;
    for (const auto& [name, width] : std::vector<std::pair<const char*, int64_t>>{{"attn_q.bias", q},
                                                                                  {"attn_k.bias", kv},
                                                                                  {"attn_v.bias", kv},
                                                                                  {"attn_output.bias", s.embedding},
                                                                                  {"ffn_gate.bias", s.feed_forward},
                                                                                  {"ffn_up.bias", s.feed_forward},
                                                                                  {"ffn_down.bias", s.embedding}}) {
      add(blk + name, 1, width, 0, 0.2f);
    }
  }

  PlainModel model_;
  std::mt19937_64 random_;
};

inline PlainModel make_plain_model(const PlainSpec& spec) { return PlainModelMaker(spec).make(); }

/// Encodes a matrix for a file: the blocks, and what they decode to goes back into the tensor.
using MatrixEncoder = std::function<std::vector<uint8_t>(PlainTensor& tensor)>;

inline std::vector<uint8_t> encode_f32(PlainTensor& tensor) {
  std::vector<uint8_t> bytes(tensor.values.size() * sizeof(float));
  std::memcpy(bytes.data(), tensor.values.data(), bytes.size());
  return bytes;
}

inline void write_hyperparameters(GgufWriter& writer, const PlainSpec& s) {
  const std::string arch = s.architecture + ".";
  writer.set_string("general.architecture", s.architecture);
  writer.set_string("general.name", "tiny");
  writer.set_string("tokenizer.ggml.model", "none");
  const auto u32 = [&](const char* key, int32_t value) { writer.set_u32(arch + key, uint32_t(value)); };
  u32("vocab_size", s.vocabulary);
  u32("context_length", s.context);
  u32("block_count", s.layers);
  u32("embedding_length", s.embedding);
  u32("feed_forward_length", s.feed_forward);
  u32("attention.head_count", s.heads);
  u32("attention.head_count_kv", s.kv_heads);
  u32("attention.key_length", s.head_dim);
  u32("attention.value_length", s.head_dim);
  writer.set_f32(arch + "attention.layer_norm_rms_epsilon", s.epsilon);
  writer.set_f32(arch + "rope.freq_base", s.rope_base);
  if (s.window > 0) u32("attention.sliding_window", s.window);
  if (s.gemma()) writer.set_f32(arch + "rope.freq_base_swa", s.window_rope_base);
  if (s.scaling == Scaling::kNone) return;
  constexpr const char* kNames[] = {"none", "linear", "yarn", "longrope"};
  writer.set_string(arch + "rope.scaling.type", kNames[int(s.scaling)]);
  writer.set_f32(arch + "rope.scaling.factor", s.rope_factor);
  writer.set_f32(arch + "rope.scaling.attn_factor", s.attention_factor);
  if (s.original_context > 0) u32("rope.scaling.original_context_length", s.original_context);
}

/// Writes the model with its matrices in one format; `model` then holds the values that the file decodes to.
inline void write_plain_model(PlainModel& model, const std::filesystem::path& path, Format format = Format::kF32,
                              const MatrixEncoder& encode = encode_f32) {
  GgufWriter writer;
  write_hyperparameters(writer, model.spec);
  std::map<std::string, std::vector<uint8_t>> data;
  for (auto& [name, tensor] : model.tensors) {
    const bool matrix = tensor.rows > 1;
    std::vector<uint64_t> dims{uint64_t(tensor.columns)};
    if (matrix) dims.push_back(uint64_t(tensor.rows));
    data[name] = matrix ? encode(tensor) : encode_f32(tensor);
    writer.add_tensor(name, dims, uint32_t(matrix ? format : Format::kF32), data[name]);
  }
  writer.write(path);
}

// ---- the forward pass
// ------------------------------------------------------------------------------------------------

using Vector = std::vector<double>;
/// Applied to the input of every matrix product; the tests put the rounding of a backend here.
using InputRounding = std::function<void(Vector&)>;

inline Vector plain_product(const PlainModel& m, const std::string& name, const Vector& input) {
  const PlainTensor& w = m.tensors.at(name + ".weight");
  const PlainTensor* bias = m.find(name + ".bias");
  Vector out(size_t(w.rows));
  for (size_t r = 0; r < out.size(); ++r) {
    const float* row = w.values.data() + r * size_t(w.columns);
    double sum = bias ? double(bias->values[r]) : 0;
    for (size_t c = 0; c < input.size(); ++c) sum += double(row[c]) * input[c];
    out[r] = sum;
  }
  return out;
}

/// RMS norm of each segment as long as the weight.
inline Vector plain_norm(const PlainModel& m, const std::string& name, Vector x) {
  const PlainTensor& w = m.tensors.at(name + ".weight");
  const size_t n = w.values.size();
  for (size_t begin = 0; begin < x.size(); begin += n) {
    double squares = 0;
    for (size_t i = 0; i < n; ++i) squares += x[begin + i] * x[begin + i];
    const double factor = 1 / std::sqrt(squares / double(n) + m.spec.epsilon);
    for (size_t i = 0; i < n; ++i) x[begin + i] *= factor * double(w.values[i]);
  }
  return x;
}

struct PlainRope {
  Vector frequencies;  // radians per position
  double magnitude = 1;
};

/// Sources as in models/model_card.h; written from the papers a second time.
inline PlainRope plain_rope(const PlainModel& m, bool windowed, int32_t context) {
  const PlainSpec& s = m.spec;
  PlainRope rope;
  const double base = windowed ? s.window_rope_base : s.rope_base, dim = s.head_dim;
  for (int32_t i = 0; i < s.head_dim / 2; ++i) rope.frequencies.push_back(1 / std::pow(base, 2.0 * i / dim));
  if (windowed) return rope;
  const auto divide = [&](const char* name) {
    for (size_t i = 0; i < rope.frequencies.size(); ++i) rope.frequencies[i] /= m.tensors.at(name).values[i];
  };
  if (s.llama3_factors) divide("rope_freqs.weight");
  if (s.scaling == Scaling::kLongRope) {
    divide(context > s.original_context ? "rope_factors_long.weight" : "rope_factors_short.weight");
    rope.magnitude = s.attention_factor;
  }
  if (s.scaling == Scaling::kLinear) {
    for (double& f : rope.frequencies) f /= s.rope_factor;
  }
  if (s.scaling == Scaling::kYarn) {
    rope.magnitude = s.attention_factor * (1 + 0.1 * std::log(double(s.rope_factor)));
    const auto dim_of = [&](double turns) {  // where a wavelength turns so often over the original context
      return dim * std::log(s.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(base));
    };
    const double low = std::max(0.0, std::floor(dim_of(s.beta_fast)));
    const double high = std::min(dim - 1, std::ceil(dim_of(s.beta_slow)));
    for (size_t i = 0; i < rope.frequencies.size(); ++i) {
      const double interpolate = std::min(1.0, std::max(0.0, (double(i) - low) / std::max(0.001, high - low)));
      rope.frequencies[i] *= 1 - interpolate + interpolate / s.rope_factor;
    }
  }
  return rope;
}

inline void plain_rotate(const PlainSpec& s, const PlainRope& rope, int32_t position, Vector& x) {
  const size_t dim = size_t(s.head_dim), half = dim / 2;
  for (size_t head = 0; head < x.size(); head += dim) {
    for (size_t i = 0; i < half; ++i) {
      double& a = x[head + (s.gemma() ? i : 2 * i)];
      double& b = x[head + (s.gemma() ? i + half : 2 * i + 1)];
      const double cosine = rope.magnitude * std::cos(position * rope.frequencies[i]);
      const double sine = rope.magnitude * std::sin(position * rope.frequencies[i]);
      const double turned = a * cosine - b * sine;
      b = a * sine + b * cosine;
      a = turned;
    }
  }
}

inline Vector plain_attention(const PlainSpec& s, const Vector& q, const std::vector<Vector>& keys,
                              const std::vector<Vector>& values, int32_t window) {
  const size_t dim = size_t(s.head_dim);
  Vector out(q.size(), 0.0);
  const size_t first = window > 0 && keys.size() > size_t(window) ? keys.size() - size_t(window) : 0;
  for (size_t h = 0; h < size_t(s.heads); ++h) {
    const size_t kv = h / size_t(s.heads / s.kv_heads) * dim;
    Vector scores;
    for (size_t t = first; t < keys.size(); ++t) {
      double dot = 0;
      for (size_t i = 0; i < dim; ++i) dot += q[h * dim + i] * keys[t][kv + i];
      scores.push_back(dot / std::sqrt(double(dim)));
    }
    const double highest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - highest);
    for (size_t t = 0; t < scores.size(); ++t) {
      for (size_t i = 0; i < dim; ++i) out[h * dim + i] += scores[t] / sum * values[first + t][kv + i];
    }
  }
  return out;
}

inline Vector plain_feed_forward(const PlainModel& m, const std::string& blk, const Vector& input,
                                 const InputRounding& round) {
  Vector gate = plain_product(m, blk + "ffn_gate", input);
  const Vector up = plain_product(m, blk + "ffn_up", input);
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = gate[i];
    const double silu = g / (1 + std::exp(-g));
    const double gelu = 0.5 * g * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (g + 0.044715 * g * g * g)));
    gate[i] = (m.spec.gemma() ? gelu : silu) * up[i];
  }
  if (round) round(gate);
  return plain_product(m, blk + "ffn_down", gate);
}

/// Logits after each token: [tokens][vocabulary], token by token in double. `context` is the loaded context length.
inline std::vector<Vector> plain_forward(const PlainModel& m, const std::vector<int32_t>& tokens, int32_t context,
                                         const InputRounding& round = {}) {
  const PlainSpec& s = m.spec;
  const PlainRope full_rope = plain_rope(m, false, context), window_rope = plain_rope(m, true, context);
  std::vector<std::vector<Vector>> keys(size_t(s.layers)), values(size_t(s.layers));
  std::vector<Vector> logits;
  const PlainTensor& embedding = m.tensors.at("token_embd.weight");
  for (int32_t position = 0; position < int32_t(tokens.size()); ++position) {
    const float* row = embedding.values.data() + int64_t{tokens[size_t(position)]} * s.embedding;
    Vector x(row, row + s.embedding);
    if (s.gemma()) {
      for (double& v : x) v *= std::sqrt(double(s.embedding));
    }
    const auto add = [&x](const Vector& y) {
      for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    };
    const auto rounded_norm = [&](const std::string& name) {
      Vector y = plain_norm(m, name, x);
      if (round) round(y);
      return y;
    };
    for (int32_t i = 0; i < s.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      const bool windowed = s.window_of(i) > 0;
      const Vector input = rounded_norm(blk + "attn_norm");
      Vector q = plain_product(m, blk + "attn_q", input), k = plain_product(m, blk + "attn_k", input);
      if (s.gemma()) {
        q = plain_norm(m, blk + "attn_q_norm", q);
        k = plain_norm(m, blk + "attn_k_norm", k);
      }
      plain_rotate(s, windowed ? window_rope : full_rope, position, q);
      plain_rotate(s, windowed ? window_rope : full_rope, position, k);
      keys[size_t(i)].push_back(std::move(k));
      values[size_t(i)].push_back(plain_product(m, blk + "attn_v", input));
      Vector attended = plain_attention(s, q, keys[size_t(i)], values[size_t(i)], s.window_of(i));
      if (round) round(attended);
      Vector y = plain_product(m, blk + "attn_output", attended);
      add(s.gemma() ? plain_norm(m, blk + "post_attention_norm", y) : y);
      y = plain_feed_forward(m, blk, rounded_norm(blk + "ffn_norm"), round);
      add(s.gemma() ? plain_norm(m, blk + "post_ffw_norm", y) : y);
    }
    logits.push_back(plain_product(m, s.tied ? "token_embd" : "output", rounded_norm("output_norm")));
  }
  return logits;
}

}  // namespace vivace::test
