// AVX-512 with VNNI: VPDPBUSD multiplies unsigned weights by signed activations and adds in 32 bits. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx512_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx512vnni";

constexpr bool kSignedDot = false;

constexpr int dot_run(int /*max_code*/) { return 1 << 20; }
VIVACE_SIMD I32x16 dot_begin(I32x16 accumulator) { return accumulator; }
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  static_assert(!kSigned, "the core makes weights unsigned where kSignedDot is false");
  return _mm512_dpbusd_epi32(part, weights, x);
}
VIVACE_SIMD I32x16 dot_end(I32x16 /*accumulator*/, I32x16 part) { return part; }
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) { return _mm512_dpwssd_epi32(accumulator, a, b); }

}  // namespace vivace::VIVACE_ISA
