// ARMv8.2 with dot products. See simd/scalar.h.
#pragma once

#include "backends/cpu/simd/neon_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "neon";

/// This set has no products of token pairs (simd/scalar.h).
struct TokenPairs {
  static constexpr bool kHas = false;
};

}  // namespace vivace::VIVACE_ISA
