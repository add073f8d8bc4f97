// AVX-512 with BF16: VDPBF16PS adds two products of BF16 values to each lane. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx512bf16_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx512bf16";

/// Adds the products of two BF16 pairs a lane, fused, without denormals.
VIVACE_SIMD F32x16 dot_bf16(F32x16 accumulator, I32x16 a, I32x16 b) {
  return _mm512_dpbf16_ps(accumulator, (__m512bh)a, (__m512bh)b);
}
/// Rounds to BF16, to nearest even; denormals become zero.
VIVACE_SIMD void store_bf16(void* p, F32x16 a) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(a));
}

}  // namespace vivace::VIVACE_ISA
