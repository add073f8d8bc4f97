// ARMv8.2 with dot products and int8 matrix products (I8MM: SMMLA). See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/neon_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "neoni8mm";

/// SMMLA multiplies 2 x 8 by 8 x 2 bytes: here rows (2i, 2i + 1) of a panel by two tokens.
struct TokenPairs {
  static constexpr bool kHas = true;
  struct Codes {
    int8x16_t v[8];
  };
  struct Sum {
    int32x4_t v[8];  // row 2i: both tokens, row 2i + 1: both tokens
  };

  VIVACE_SIMD Sum zero() {
    Sum sum;
    VIVACE_UNROLL for (int i = 0; i < 8; ++i) { sum.v[i] = vdupq_n_s32(0); }
    return sum;
  }
  /// Two vectors of four columns become the eight columns of each row.
  VIVACE_SIMD Codes join(I32x16 a, I32x16 b) {
    Codes codes;
    VIVACE_UNROLL for (int i = 0; i < 4; ++i) {
      codes.v[2 * i] = vreinterpretq_s8_s32(vzip1q_s32(a.v[i], b.v[i]));
      codes.v[2 * i + 1] = vreinterpretq_s8_s32(vzip2q_s32(a.v[i], b.v[i]));
    }
    return codes;
  }
  /// a, b: the dwords of both tokens for the two vectors that were joined.
  VIVACE_SIMD Sum dot(Sum sum, const Codes& codes, const int32_t* a, const int32_t* b) {
    const int32x2_t first = vld1_s32(a), second = vld1_s32(b);
    const int8x16_t x = vreinterpretq_s8_s32(vcombine_s32(vzip1_s32(first, second), vzip2_s32(first, second)));
    VIVACE_UNROLL for (int i = 0; i < 8; ++i) { sum.v[i] = vmmlaq_s32(sum.v[i], codes.v[i], x); }
    return sum;
  }
  VIVACE_SIMD I32x16 first(const Sum& sum) {
    I32x16 lanes;
    VIVACE_UNROLL for (int i = 0; i < 4; ++i) { lanes.v[i] = vuzp1q_s32(sum.v[2 * i], sum.v[2 * i + 1]); }
    return lanes;
  }
  VIVACE_SIMD I32x16 second(const Sum& sum) {
    I32x16 lanes;
    VIVACE_UNROLL for (int i = 0; i < 4; ++i) { lanes.v[i] = vuzp2q_s32(sum.v[2 * i], sum.v[2 * i + 1]); }
    return lanes;
  }
};

}  // namespace vivace::VIVACE_ISA
