// F16 and BF16 weights in panels on hardware that multiplies pairs of BF16. A dword of a BF16 panel is already such a
// pair, one of an F16 panel is rounded to it. The activations are rounded to BF16 too; sums are f32. This is a table on
// top of another one, which knows every other format and form.
#pragma once

#include "backends/cpu/kernels/pairs_form.h"
#include "backends/cpu/kernels/panel_float.h"

namespace vivace::VIVACE_ISA {

/// A step is a pair of columns.
struct PanelBf16Pairs {
  static constexpr int kSteps = 1;
  using Unpacked = PanelBf16Pairs;
  using Value = int32_t;
  using Weights = I32x16;
  VIVACE_SIMD void load(const uint8_t* p, Weights (&steps)[1]) { steps[0] = load_i32(p); }
  VIVACE_SIMD void store(uint8_t* p, Weights weights) { store_f32(reinterpret_cast<float*>(p), as_f32(weights)); }
  VIVACE_SIMD F32x16 add(F32x16 sum, Weights weights, Value x) { return dot_bf16(sum, weights, set_i32(x)); }
};

struct PanelF16Pairs : PanelBf16Pairs {
  VIVACE_SIMD void load(const uint8_t* p, Weights (&steps)[1]) { steps[0] = round_f16_to_bf16(p); }
};

static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows) {
  const size_t pairs = kinds & kBf16Pairs ? pairs_stride(columns) * static_cast<size_t>(rows) : 0;
  return pairs_offset(kinds, columns, rows) + pairs;
}

static void prepare(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                    int32_t row_end, int32_t rows, uint8_t* prepared) {
  if (const uint32_t others = kinds & ~kBf16Pairs) {
    base_table().prepare(others, values, stride, columns, row_begin, row_end, rows, prepared);
  }
  if (!(kinds & kBf16Pairs)) return;
  uint8_t* pairs = prepared + pairs_offset(kinds, columns, rows) + row_begin * pairs_stride(columns);
  for (int row = row_begin; row < row_end; ++row, values += stride, pairs += pairs_stride(columns)) {
    int32_t column = 0;
    for (; column + 16 <= columns; column += 16) store_bf16(pairs + column * 2, load_f32(values + column));
    if (column < columns) {
      store_bf16(pairs + column * 2, load_part_f32(values + column, columns - column));
      column += 16;
    }
    if (column % 32 != 0) store_bf16(pairs + column * 2, zero_f32());
  }
}

template <class Panel>
static void multiply_pairs(const MatmulCall& call) {
  const uint8_t* pairs = pairs_of(call);
  const int64_t stride = static_cast<int64_t>(pairs_stride(call.columns) / sizeof(int32_t));
  run_float_panels<Panel, kFloatTilePanels>(
      call, {reinterpret_cast<const int32_t*>(pairs), stride, (call.columns + 1) / 2}, call.row_begin);
}

const KernelTable& kernel_table() {
  static constexpr MatmulRow kMatmuls[] = {
      {Format::kF16, Layout::kPanel16, kBf16Pairs, 0, multiply_pairs<PanelF16Pairs>},
      {Format::kBF16, Layout::kPanel16, kBf16Pairs, 0, multiply_pairs<PanelBf16Pairs>},
  };
  static const KernelTable kTable = [] {
    KernelTable table = table_above_base(kMatmuls);
    table.prepared_bytes = prepared_bytes;
    table.prepare = prepare;
    return table;
  }();
  return kTable;
}

}  // namespace vivace::VIVACE_ISA
