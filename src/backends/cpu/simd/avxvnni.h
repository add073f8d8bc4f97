// AVX2 with the VEX-encoded VNNI: VPDPBUSD on ymm registers, as on processors without AVX-512. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx2_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avxvnni";

constexpr bool kSignedDot = false;

constexpr int dot_run(int /*max_code*/) { return 1 << 20; }
VIVACE_SIMD I32x16 dot_begin(I32x16 accumulator) { return accumulator; }
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  static_assert(!kSigned, "the core makes weights unsigned where kSignedDot is false");
  return {_mm256_dpbusd_avx_epi32(part.a, weights.a, x.a), _mm256_dpbusd_avx_epi32(part.b, weights.b, x.b)};
}
VIVACE_SIMD I32x16 dot_end(I32x16 /*accumulator*/, I32x16 part) { return part; }
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 x, I32x16 y) {
  return {_mm256_dpwssd_avx_epi32(accumulator.a, x.a, y.a), _mm256_dpwssd_avx_epi32(accumulator.b, x.b, y.b)};
}

}  // namespace vivace::VIVACE_ISA
