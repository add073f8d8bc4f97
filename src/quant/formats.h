// The one table of weight formats. A format's block layout, scalar decode and encode live in formats/<format>.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vivace {

/// Weight formats, numbered as in the GGUF container (ggml type ids).
enum class Format : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
};

struct FormatRow {
  Format format;
  const char* name;        // as in GGUF tools: "Q4_K"
  uint32_t block_columns;  // values in a block
  uint32_t block_bytes;    // bytes of a block
  /// Decodes `blocks` consecutive blocks to blocks * block_columns floats, bit-exact with the format's definition.
  void (*decode)(const uint8_t* data, float* out, size_t blocks);
  /// Encodes blocks * block_columns finite floats by the format's reference rule; null where the format has none.
  void (*encode)(const float* values, uint8_t* data, size_t blocks);
};

/// All formats, in the order of their ids.
std::span<const FormatRow> formats();

/// The row of a format; every enumerator has one.
const FormatRow& format_row(Format format);

/// The row of a ggml type id read from a file, or null where it is unknown.
const FormatRow* find_format(uint32_t ggml_type);
const FormatRow* find_format(std::string_view name);

/// Bytes of a row of `columns` values; columns must be a multiple of block_columns.
inline size_t row_bytes(const FormatRow& row, size_t columns) { return columns / row.block_columns * row.block_bytes; }

}  // namespace vivace
