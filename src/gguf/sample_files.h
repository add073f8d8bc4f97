// Small GGUF files for tests and as seeds of the fuzzer, and the sizes of a few tensor types.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gguf/tensor_info.h"
#include "gguf/writer.h"

namespace vivace::sample {

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;

/// The types that the samples and the test models use.
inline std::optional<TensorTypeSize> type_size(uint32_t ggml_type) {
  switch (ggml_type) {
    case 0:
      return TensorTypeSize{1, 4};  // F32
    case 1:
      return TensorTypeSize{1, 2};  // F16
    case 2:
      return TensorTypeSize{32, 18};  // Q4_0
    case 6:
      return TensorTypeSize{32, 22};  // Q5_0
    case 8:
      return TensorTypeSize{32, 34};  // Q8_0
    case 12:
      return TensorTypeSize{256, 144};  // Q4_K
    case 14:
      return TensorTypeSize{256, 210};  // Q6_K
    case 30:
      return TensorTypeSize{1, 2};  // BF16
    case 39:
      return TensorTypeSize{32, 17};  // MXFP4
    default:
      return std::nullopt;
  }
}

/// Distinct bytes for tensor data; the first 256 bytes tell offsets apart.
inline std::span<const uint8_t> data(size_t bytes) {
  static const std::vector<uint8_t> all = [] {
    std::vector<uint8_t> values(4096);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 31 + i / 256);
    return values;
  }();
  return std::span(all).first(bytes);
}

/// Every scalar type, every array type, arrays of arrays.
inline void set_all_types(GgufWriter& writer) {
  writer.set_string("general.architecture", "llama");
  writer.set("t.u8", EncodedValue::scalar<uint8_t>(200));
  writer.set("t.i8", EncodedValue::scalar<int8_t>(-100));
  writer.set("t.u16", EncodedValue::scalar<uint16_t>(60000));
  writer.set("t.i16", EncodedValue::scalar<int16_t>(-30000));
  writer.set("t.u32", EncodedValue::scalar<uint32_t>(4000000000u));
  writer.set("t.i32", EncodedValue::scalar<int32_t>(-2000000000));
  writer.set("t.u64", EncodedValue::scalar<uint64_t>(std::numeric_limits<uint64_t>::max()));
  writer.set("t.i64", EncodedValue::scalar<int64_t>(std::numeric_limits<int64_t>::min()));
  writer.set("t.f32", EncodedValue::scalar<float>(1.5f));
  writer.set("t.f64", EncodedValue::scalar<double>(-2.25));
  writer.set("t.bool", EncodedValue::scalar<bool>(true));
  writer.set("t.string", EncodedValue::string(std::string_view("a\0\xff z", 5)));
  writer.set("a.u8", EncodedValue::array<uint8_t>(std::array<uint8_t, 3>{1, 2, 255}));
  writer.set("a.i32", EncodedValue::array<int32_t>(std::array<int32_t, 3>{-1, 0, 7}));
  writer.set("a.u64", EncodedValue::array<uint64_t>(std::array<uint64_t, 1>{1ull << 40}));
  writer.set("a.f32", EncodedValue::array<float>(std::array<float, 2>{0.5f, -4.0f}));
  writer.set("a.bool", EncodedValue::array<bool>(std::array<bool, 3>{true, false, true}));
  writer.set("a.strings", EncodedValue::strings(std::array<std::string_view, 4>{"<s>", "", "caf\xc3\xa9", "\xff"}));
  writer.set("a.empty", EncodedValue::array<float>(std::span<const float>{}));
  const std::array<EncodedValue, 3> rows = {
      EncodedValue::array<int32_t>(std::array<int32_t, 2>{1, 2}),
      EncodedValue::strings(std::array<std::string_view, 2>{"x", "yz"}),
      EncodedValue::arrays(std::array<EncodedValue, 1>{EncodedValue::array<uint8_t>(std::array<uint8_t, 1>{9})})};
  writer.set("a.arrays", EncodedValue::arrays(rows));
}

/// Every value type and three tensors.
inline std::vector<uint8_t> all_types() {
  GgufWriter writer;
  set_all_types(writer);
  writer.set_alignment(64);
  writer.add_tensor("token_embd.weight", {32, 3}, kQ8_0, data(3 * 34));
  writer.add_tensor("blk.0.attn_norm.weight", {5}, kF32, data(20));
  writer.add_tensor("blk.0.experts", {2, 2, 2, 2}, kF32, data(64));
  return writer.to_bytes();
}

/// One key and one tensor: small enough to damage at every byte.
inline std::vector<uint8_t> small() {
  GgufWriter writer;
  writer.set_strings("k.s", std::array<std::string, 2>{"a", "bc"});
  writer.set_bool("k.b", true);
  writer.add_tensor("w", {2, 2}, kF32, data(16));
  writer.add_tensor("v", {3}, kF32, data(12));
  return writer.to_bytes();
}

/// No tensors, no padding worth speaking of.
inline std::vector<uint8_t> vocabulary_only() {
  GgufWriter writer;
  writer.set_strings("tokenizer.ggml.tokens", std::array<std::string, 3>{"a", "b", "ab"});
  return writer.to_bytes();
}

/// File `index` of a model split over two.
inline std::vector<uint8_t> split_part(uint16_t index, uint16_t count = 2) {
  GgufWriter writer;
  if (index == 0) writer.set_string("general.architecture", "llama");
  writer.set("split.no", EncodedValue::scalar<uint16_t>(index));
  writer.set("split.count", EncodedValue::scalar<uint16_t>(count));
  writer.set("split.tensors.count", EncodedValue::scalar<int32_t>(2 * count));
  if (index == 1) writer.set_alignment(128);
  writer.add_tensor("t" + std::to_string(2 * index), {4}, kF32, data(16 + 16 * index).subspan(16 * index));
  writer.add_tensor("t" + std::to_string(2 * index + 1), {32, 2}, kQ8_0, data(68));
  return writer.to_bytes();
}

}  // namespace vivace::sample
