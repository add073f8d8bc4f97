#include "tune/probe_model.h"

#include <map>
#include <string>

#include "gguf/writer.h"
#include "quant/formats.h"

namespace vivace {
namespace {

constexpr int32_t kHeadDim = 64, kVocabulary = 256, kContext = 1024;

/// Writes tensors of one shape after the other; all of them share the bytes that they are made of.
class ProbeWriter {
 public:
  void matrix(const std::string& name, int64_t rows, int64_t columns) {
    const FormatRow& format = format_row(Format::kQ8_0);
    add(name, {uint64_t(columns), uint64_t(rows)}, format, row_bytes(format, size_t(columns)) * size_t(rows), 0x2C);
  }
  void vector(const std::string& name, int64_t columns) {
    add(name, {uint64_t(columns)}, format_row(Format::kF32), size_t(columns) * sizeof(float), 0x3D);
  }

  GgufWriter writer;

 private:
  void add(const std::string& name, std::vector<uint64_t> dims, const FormatRow& format, size_t bytes, uint8_t fill) {
    std::vector<uint8_t>& data = data_[{bytes, fill}];
    data.assign(bytes, fill);
    writer.add_tensor(name, std::move(dims), uint32_t(format.format), data);
  }

  std::map<std::pair<size_t, uint8_t>, std::vector<uint8_t>> data_;
};

}  // namespace

std::vector<uint8_t> make_probe_model(const ProbeShape& s) {
  ProbeWriter write;
  GgufWriter& writer = write.writer;
  writer.set_string("general.architecture", "llama");
  const auto number = [&](const char* key, int32_t value) {
    writer.set_u32(std::string("llama.") + key, uint32_t(value));
  };
  number("context_length", kContext);
  number("block_count", s.layers);
  number("embedding_length", s.embedding);
  number("feed_forward_length", s.feed_forward);
  number("attention.head_count", s.heads);
  number("attention.key_length", kHeadDim);
  number("attention.value_length", kHeadDim);
  number("rope.dimension_count", kHeadDim);
  writer.set_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  write.matrix("token_embd.weight", kVocabulary, s.embedding);
  const int64_t width = int64_t{s.heads} * kHeadDim;
  for (int32_t i = 0; i < s.layers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    write.vector(layer + "attn_norm.weight", s.embedding);
    for (const char* name : {"attn_q.weight", "attn_k.weight", "attn_v.weight"}) {
      write.matrix(layer + name, width, s.embedding);
    }
    write.matrix(layer + "attn_output.weight", s.embedding, width);
    write.vector(layer + "ffn_norm.weight", s.embedding);
    write.matrix(layer + "ffn_gate.weight", s.feed_forward, s.embedding);
    write.matrix(layer + "ffn_up.weight", s.feed_forward, s.embedding);
    write.matrix(layer + "ffn_down.weight", s.embedding, s.feed_forward);
  }
  write.vector("output_norm.weight", s.embedding);
  return writer.to_bytes();
}

}  // namespace vivace
