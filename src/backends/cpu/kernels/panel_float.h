// F32, F16 and BF16 weights in panels, computed in f32: a tile of kPanels x 16 rows times kTokens tokens. Every output
// is one chain of fused multiply-adds over ascending columns.
#pragma once

#include "backends/cpu/kernels/store_tile.h"

namespace vivace::VIVACE_ISA {

// A panel block: kColumns columns of 16 rows in kBytes bytes; load<c> gives column c of it.
struct PanelF32 {
  static constexpr Format kFormat = Format::kF32;
  static constexpr int kColumns = 1, kBytes = 64;
  template <int c>
  VIVACE_SIMD F32x16 load(const uint8_t* block) {
    return as_f32(load_i32(block));
  }
};

struct PanelBF16 {
  static constexpr Format kFormat = Format::kBF16;
  static constexpr int kColumns = 2, kBytes = 64;
  template <int c>
  VIVACE_SIMD F32x16 load(const uint8_t* block) {
    const I32x16 pairs = load_i32(block);
    return as_f32(c == 0 ? shl<16>(pairs) : and_(pairs, set_i32(static_cast<int32_t>(0xFFFF0000u))));
  }
};

struct PanelF16 {
  static constexpr Format kFormat = Format::kF16;
  static constexpr int kColumns = 2, kBytes = 64;
  template <int c>
  VIVACE_SIMD F32x16 load(const uint8_t* block) {
    const I32x16 pairs = load_i32(block);
    return half_f32(c == 0 ? pairs : shr<16>(pairs));
  }
};

template <class Format, int kPanels, int kTokens>
struct FloatTile {
  using Sums = F32x16[kPanels][kTokens];

  template <int kCount>
  VIVACE_SIMD void add_block(const uint8_t* const (&at)[kPanels], const float* const (&x)[kTokens], int64_t column,
                             Sums& sum) {
    unroll<kCount>([&](auto c) VIVACE_INLINE_LAMBDA {
      F32x16 weights[kPanels];
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { weights[p] = Format::template load<c>(at[p]); }
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        const F32x16 value = set_f32(x[t][column + c]);
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { sum[p][t] = fma(weights[p], value, sum[p][t]); }
      }
    });
  }

  static void run(const MatmulCall& call, int64_t row, int token) {
    const int64_t blocks = call.columns / Format::kColumns;
    const size_t panel_bytes =
        static_cast<size_t>((call.columns + Format::kColumns - 1) / Format::kColumns) * Format::kBytes;
    const uint8_t* at[kPanels];
    const float* x[kTokens];
    Sums sum;
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { x[t] = call.values + (token + t) * call.values_stride; }
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      at[p] = call.weight + (row / 16 + p) * panel_bytes;
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = zero_f32(); }
    }
    for (int64_t block = 0; block < blocks; ++block) {
      add_block<Format::kColumns>(at, x, block * Format::kColumns, sum);
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        if constexpr (kTokens == 1) prefetch(at[p] + 1024);
        at[p] += Format::kBytes;
      }
    }
    if (call.columns % Format::kColumns) add_block<1>(at, x, call.columns - 1, sum);
    store_tile<kPanels, kTokens>(call, sum, row, token, kTokens);
  }
};

/// Rows [row, row_end) for tokens [token, token + kTokens), kPanels panels at a time.
template <class Format, int kPanels, int kTokens>
static void run_float_rows(const MatmulCall& call, int64_t row, int token) {
  for (; row + 16 * (kPanels - 1) < call.row_end; row += 16 * kPanels)
    FloatTile<Format, kPanels, kTokens>::run(call, row, token);
  if constexpr (kPanels > 1) run_float_rows<Format, kPanels / 2, kTokens>(call, row, token);
}

/// Two columns of weights are held at once, so one panel leaves room for fewer tokens.
constexpr int kFloatTileTokens = kTilePanels > 1 ? kTileTokens : 4;

/// More panels where there are few tokens, so that enough chains are under way.
template <class Format>
static void multiply_float(const MatmulCall& call) {
  int token = 0;
  for (; token + kFloatTileTokens <= call.tokens; token += kFloatTileTokens) {
    run_float_rows<Format, kTilePanels, kFloatTileTokens>(call, call.row_begin, token);
  }
  for (; token + 2 <= call.tokens; token += 2) run_float_rows<Format, 2, 2>(call, call.row_begin, token);
  if (token < call.tokens) run_float_rows<Format, 4, 1>(call, call.row_begin, token);
}

}  // namespace vivace::VIVACE_ISA
