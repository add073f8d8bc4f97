// The end of every panel kernel: bias, then the rows and tokens that exist.
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/cpu/kernels/unroll.h"

namespace vivace::VIVACE_ISA {

/// Writes sums[p][t] to rows row + 16p.. and tokens token + t < token + lanes.
template <int kPanels, int kTokens>
VIVACE_SIMD void store_tile(const MatmulCall& call, const F32x16 (&sums)[kPanels][kTokens], int64_t row, int token,
                            int lanes) {
  VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
    const int64_t first = row + 16 * p;
    const int count = call.row_end - first < 16 ? static_cast<int>(call.row_end - first) : 16;
    const F32x16 bias = call.bias ? load_part_f32(call.bias + first, count) : zero_f32();
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
      if (t < lanes) {
        float* output = call.output + (token + t) * call.output_stride + first;
        const F32x16 value = call.bias ? add(sums[p][t], bias) : sums[p][t];
        if (count == 16) {
          store_f32(output, value);
        } else {
          store_part_f32(output, value, count);
        }
      }
    }
  }
}

constexpr int kQuad = 4;  // tokens whose sums are stored at a time

/// Writes sums that waited in memory, a row of 16 for each token, `stride` floats apart; up to a multiple of kQuad of
/// them may be read.
VIVACE_SIMD void store_kept(const MatmulCall& call, const float* kept, int64_t stride, int64_t row, int token,
                            int tokens) {
  for (int t = 0; t < tokens; t += kQuad) {
    F32x16 sums[1][kQuad];
    VIVACE_UNROLL for (int i = 0; i < kQuad; ++i) sums[0][i] = load_f32(kept + (t + i) * stride);
    store_tile<1, kQuad>(call, sums, row, token + t, tokens - t);
  }
}

}  // namespace vivace::VIVACE_ISA
