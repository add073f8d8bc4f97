// AVX-512 without VNNI: int8 dots through VPMADDUBSW, which sums pairs in 16 bits. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx512_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx512";

constexpr bool kSignedDot = true;

// Each dword adds at most 2 * max_code * 127 to a 16-bit lane.
constexpr int dot_run(int max_code) { return 32767 / (2 * max_code * 127); }
VIVACE_SIMD I32x16 dot_begin(I32x16 /*accumulator*/) { return _mm512_setzero_si512(); }
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  if constexpr (kSigned) {
    // |w| * (x with the sign of w); -128 becomes 128, unsigned.
    x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(weights), _mm512_setzero_si512(), x);
    weights = _mm512_abs_epi8(weights);
  }
  return _mm512_add_epi16(part, _mm512_maddubs_epi16(weights, x));
}
VIVACE_SIMD I32x16 dot_end(I32x16 accumulator, I32x16 part) {
  return _mm512_add_epi32(accumulator, _mm512_madd_epi16(part, _mm512_set1_epi16(1)));
}
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) {
  return _mm512_add_epi32(accumulator, _mm512_madd_epi16(a, b));
}

}  // namespace vivace::VIVACE_ISA
