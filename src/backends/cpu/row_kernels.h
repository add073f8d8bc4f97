// The functions on single rows and on KV tiles that every instruction set provides. Plain pointers, no tensors: the
// stages (row_ops.cpp, attention_stage.cpp) find the addresses. Instruction-set translation units include this, so it
// stays free of the standard library's inline code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"

namespace vivace {

/// Query rows (tokens x heads of a group) that one task should not exceed, unless a single token has more. Enough to
/// hide that each unpacks its pages again, few enough for the second-level cache.
constexpr int32_t kAttentionRows = 96;

/// The formats of KV rows that every instruction set stores and reads.
constexpr bool is_kv_format(Format format) {
  return format == Format::kF32 || format == Format::kF16 || format == Format::kQ8_0 || format == Format::kQ4_0;
}

/// Attention of some neighbouring tokens of one sequence for the query heads that share one KV head.
struct AttentionTask {
  const float* queries = nullptr;  // first token, first head of the group: [tokens][group, key_dim]
  float* output = nullptr;         // the same with value_dim
  int64_t query_stride = 0;        // values from one token to the next
  int64_t output_stride = 0;
  const int32_t* positions = nullptr;  // [tokens], ascending by one
  int32_t tokens = 0;
  int32_t group = 1;  // query heads that share the KV head

  Format format = Format::kF32;  // of the KV rows: is_kv_format()
  int32_t key_dim = 0;
  int32_t value_dim = 0;
  const int32_t* page_table = nullptr;
  const uint8_t* const* slabs = nullptr;
  const int32_t* slab_pages = nullptr;  // how many each has
  int32_t pages_per_slab = 1;
  // Of this KV head, as device/kv_view.h has it: bytes of a page before its keys and values, and bytes they take.
  size_t key_offset = 0;
  size_t key_bytes = 0;
  size_t value_offset = 0;
  size_t value_bytes = 0;

  float scale = 1;
  float score_cap = 0;           // 0: none
  int32_t window = 0;            // 0: all positions
  const float* sinks = nullptr;  // [group] or null
  float* scratch = nullptr;      // attention_scratch() floats, 64-byte aligned

  int32_t position_begin =
      0;  // positions to attend to, cut at tiles: of the whole context, what any of the tokens sees
  int32_t position_end = 0;
  float* parts = nullptr;  // not null: results of the tiles go here, attention_part() floats each, not to `output`
};

/// Values of a row of scratch: whole vectors on every instruction set.
constexpr size_t attention_row(int32_t dim) { return (static_cast<size_t>(dim) + 15) / 16 * 16; }

/// Scores of a tile, and padding that keeps the rows out of each other's cache sets.
constexpr size_t kAttentionScoreRow = 256 + 16;

/// Floats of the result of one tile: output [rows, value_dim], maxima and sums [rows].
constexpr size_t attention_part(int32_t rows, int32_t value_dim) {
  return static_cast<size_t>(rows) * attention_row(value_dim) + 2 * attention_row(rows);
}

/// Floats of scratch that a task of at most `rows` = tokens * group rows needs: queries, scores of a tile, results of a
/// tile and of all tiles, one unpacked page.
constexpr size_t attention_scratch(int32_t rows, int32_t key_dim, int32_t value_dim) {
  const size_t key = attention_row(key_dim), value = attention_row(value_dim);
  return static_cast<size_t>(rows) * (key + kAttentionScoreRow) + 2 * attention_part(rows, value_dim) +
         32 * (key > value ? key : value);
}

/// One row of n f32 values unless said otherwise; pointers need no alignment; in place is fine.
struct RowKernels {
  /// Norm of one segment; weight and bias [n] may be null.
  void (*rms_norm)(const float* x, const float* weight, const float* bias, float epsilon, int32_t n, float* out);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon, int32_t n, float* out);
  /// out = a + b * b_scale
  void (*add)(const float* a, const float* b, float b_scale, int32_t n, float* out);
  /// out = x * factor, then cap * tanh(out / cap) where cap > 0
  void (*scale)(const float* x, float factor, float cap, int32_t n, float* out);
  /// out = function(gate) * up, up may be null; index: GluKind
  void (*glu[4])(const float* gate, const float* up, int32_t n, float* out);
  /// Rotates `heads` heads of x in place by one row of the table; index: RopePairs
  void (*rope[2])(float* x, const float* table, int32_t heads, int32_t head_dim, int32_t rotary_dim);
  /// Encodes n values as position `slot` of a KV head's keys or values in a page, bit for bit as the format's own
  /// encode, in an is_kv_format(). Where the bytes lie says device/kv_view.h.
  void (*kv_store_key)(Format format, const float* x, int32_t n, uint8_t* keys, int32_t slot);
  void (*kv_store_value)(Format format, const float* x, int32_t n, uint8_t* values, int32_t slot);
  void (*attention)(const AttentionTask& task);
  /// `output` from the parts of all tiles.
  void (*attention_merge)(const AttentionTask& task);
};

}  // namespace vivace
