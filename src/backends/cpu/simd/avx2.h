// AVX2 with FMA and F16C: int8 dots through VPMADDUBSW, which sums pairs in 16 bits. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx2_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx2";

constexpr bool kSignedDot = true;

// Each dword adds at most 2 * max_code * 127 to a 16-bit lane.
constexpr int dot_run(int max_code) { return 32767 / (2 * max_code * 127); }
VIVACE_SIMD I32x16 dot_begin(I32x16 /*accumulator*/) { return zero_i32(); }
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  if constexpr (kSigned) {
    // |w| * (x with the sign of w); -128 becomes 128, unsigned.
    x = {_mm256_sign_epi8(x.a, weights.a), _mm256_sign_epi8(x.b, weights.b)};
    weights = {_mm256_abs_epi8(weights.a), _mm256_abs_epi8(weights.b)};
  }
  return {_mm256_add_epi16(part.a, _mm256_maddubs_epi16(weights.a, x.a)),
          _mm256_add_epi16(part.b, _mm256_maddubs_epi16(weights.b, x.b))};
}
VIVACE_SIMD I32x16 dot_end(I32x16 accumulator, I32x16 part) {
  const __m256i ones = _mm256_set1_epi16(1);
  return {_mm256_add_epi32(accumulator.a, _mm256_madd_epi16(part.a, ones)),
          _mm256_add_epi32(accumulator.b, _mm256_madd_epi16(part.b, ones))};
}
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 x, I32x16 y) {
  return {_mm256_add_epi32(accumulator.a, _mm256_madd_epi16(x.a, y.a)),
          _mm256_add_epi32(accumulator.b, _mm256_madd_epi16(x.b, y.b))};
}

}  // namespace vivace::VIVACE_ISA
