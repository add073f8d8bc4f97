// Weights row by row, computed in f32: F32, F16 and BF16 as they lie in the file, and every other format through its
// scalar decoder. A vector holds 16 neighbouring columns; every output is one accumulator over ascending columns,
// reduced by a fixed tree.
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/cpu/kernels/unroll.h"

namespace vivace::VIVACE_ISA {

struct RowsF32 {
  static constexpr Format kFormat = Format::kF32;
  static constexpr int kBytes = 4;
  VIVACE_SIMD F32x16 load(const uint8_t* p) { return as_f32(load_i32(p)); }
};
struct RowsF16 {
  static constexpr Format kFormat = Format::kF16;
  static constexpr int kBytes = 2;
  VIVACE_SIMD F32x16 load(const uint8_t* p) { return load_f16(p); }
};
struct RowsBF16 {
  static constexpr Format kFormat = Format::kBF16;
  static constexpr int kBytes = 2;
  VIVACE_SIMD F32x16 load(const uint8_t* p) { return load_bf16(p); }
};

template <class Rows, int kRows, int kTokens>
struct RowTile {
  /// Rows `weight`, stride bytes apart, are rows row.. of the output.
  static void run(const MatmulCall& call, const uint8_t* weight, size_t stride, int64_t row, int token) {
    F32x16 sum[kRows][kTokens];
    const float* x = call.values + token * call.values_stride;
    VIVACE_UNROLL for (int r = 0; r < kRows; ++r) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[r][t] = zero_f32(); }
    }
    const int64_t whole = call.columns / 16 * 16;
    for (int64_t k = 0; k < whole; k += 16) {
      F32x16 values[kTokens];
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { values[t] = load_f32(x + t * call.values_stride + k); }
      VIVACE_UNROLL for (int r = 0; r < kRows; ++r) {
        const F32x16 weights = Rows::load(weight + r * stride + k * Rows::kBytes);
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[r][t] = fma(weights, values[t], sum[r][t]); }
      }
    }
    if (const int rest = static_cast<int>(call.columns - whole)) {
      VIVACE_UNROLL for (int r = 0; r < kRows; ++r) {
        uint8_t tail[16 * Rows::kBytes] = {};
        for (int i = 0; i < rest * Rows::kBytes; ++i) tail[i] = weight[r * stride + whole * Rows::kBytes + i];
        const F32x16 weights = Rows::load(tail);
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
          sum[r][t] = fma(weights, load_part_f32(x + t * call.values_stride + whole, rest), sum[r][t]);
        }
      }
    }
    VIVACE_UNROLL for (int r = 0; r < kRows; ++r) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        const float dot = reduce_add(sum[r][t]);
        call.output[(token + t) * call.output_stride + row + r] = call.bias ? dot + call.bias[row + r] : dot;
      }
    }
  }
};

/// `rows` (1..kRows) rows for all tokens.
template <class Rows, int kRows>
static void run_rows(const MatmulCall& call, const uint8_t* weight, size_t stride, int64_t row, int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return run_rows<Rows, kRows - 1>(call, weight, stride, row, rows);
  }
  int token = 0;
  for (; token + kFloatTokens <= call.tokens; token += kFloatTokens) {
    RowTile<Rows, kRows, kFloatTokens>::run(call, weight, stride, row, token);
  }
  for (; token < call.tokens; ++token) RowTile<Rows, kRows, 1>::run(call, weight, stride, row, token);
}

template <class Rows>
static void multiply_rows(const MatmulCall& call) {
  const size_t stride = static_cast<size_t>(call.columns) * Rows::kBytes;
  for (int64_t row = call.row_begin; row < call.row_end; row += kFloatRows) {
    const int rows = call.row_end - row < kFloatRows ? static_cast<int>(call.row_end - row) : kFloatRows;
    run_rows<Rows, kFloatRows>(call, call.weight + row * stride, stride, row, rows);
  }
}

/// Any format in any layout: kFloatRows rows at a time are decoded to scratch.
static void multiply_generic(const MatmulCall& call) {
  const size_t columns = (static_cast<size_t>(call.columns) + 15) / 16 * 16;
  float* scratch = reinterpret_cast<float*>(call.scratch);
  for (int64_t row = call.row_begin; row < call.row_end; row += kFloatRows) {
    const int rows = call.row_end - row < kFloatRows ? static_cast<int>(call.row_end - row) : kFloatRows;
    for (int r = 0; r < rows; ++r) {
      decode_weight_row(*call.format, call.layout, call.weight, static_cast<size_t>(row + r),
                        static_cast<size_t>(call.columns), scratch + r * columns);
    }
    run_rows<RowsF32, kFloatRows>(call, call.scratch, columns * sizeof(float), row, rows);
  }
}

}  // namespace vivace::VIVACE_ISA
