// Quantised weights as they lie in a mapped file: packed to panels on the way, a few at a time, which stay in the cache
// for the kernel of the panel. So the bits of an output are those of the loaded model, and a format needs no second
// kernel; a step of one token takes longer, a prompt hardly so.
#pragma once

#include "backends/cpu/kernel_table.h"

namespace vivace::VIVACE_ISA {

/// Panels that are packed at a time, for many tokens: as many as a chunk of the matmul has.
constexpr int64_t kPackedPanels = 4;

/// Rows of f32 that hold kPackedPanels panels of a format and 16 rows as they were; panel_bytes: of 16 rows, `columns`
/// wide.
constexpr int32_t packed_rows(int64_t panel_bytes, int64_t columns) {
  return static_cast<int32_t>(((kPackedPanels + 1) * panel_bytes + 4 * columns - 1) / (4 * columns));
}

/// Rows [row, end) of the weight to panels. They are copied first: from the system's small pages 16 rows at a time come
/// half as fast as one row after the other.
static void pack_to_scratch(const MatmulCall& call, int64_t row, int64_t end, uint8_t* copy, uint8_t* panel) {
  const auto columns = static_cast<size_t>(call.columns);
  const size_t row_size = row_bytes(*call.format, columns);
  for (; row < end; row += 16, panel += 16 * row_size) {
    const size_t rows = end - row < 16 ? static_cast<size_t>(end - row) : 16;
    __builtin_memcpy(copy, call.weight + static_cast<size_t>(row) * row_size, rows * row_size);
    pack_panel16(*call.format, copy, rows, columns, panel);
  }
}

/// kRun is the kernel of the panel; its own scratch lies behind kPackedRows rows.
template <int32_t kPackedRows, void (*kRun)(const MatmulCall&)>
static void multiply_packed(const MatmulCall& call) {
  const auto columns = static_cast<size_t>(call.columns);
  const int64_t most = 16 * (call.tokens > kSingleTokens ? kPackedPanels : 1);
  uint8_t* panels = call.scratch + 16 * row_bytes(*call.format, columns);
  MatmulCall part = call;
  part.layout = Layout::kPanel16;
  part.weight = panels;
  part.scratch = call.scratch + kPackedRows * ((columns + 15) / 16 * 16) * sizeof(float);
  part.row_begin = 0;
  for (int64_t row = call.row_begin; row < call.row_end; row += part.rows) {
    part.rows = part.row_end = call.row_end - row < most ? call.row_end - row : most;
    pack_to_scratch(call, row, row + part.rows, call.scratch, panels);
    part.output = call.output + row;
    part.bias = call.bias ? call.bias + row : nullptr;
    kRun(part);
  }
}

}  // namespace vivace::VIVACE_ISA
