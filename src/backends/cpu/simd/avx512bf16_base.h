// What every set with AVX-512 BF16 has. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/avx512_base.h"

namespace vivace::VIVACE_ISA {

/// 32 F16 values, unaligned, rounded to BF16, to nearest even. F16's denormals are usual values of BF16.
VIVACE_SIMD I32x16 round_f16_to_bf16(const void* p) {
  const F32x16 low = load_f16(p), high = load_f16(static_cast<const uint8_t*>(p) + 32);
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

}  // namespace vivace::VIVACE_ISA
