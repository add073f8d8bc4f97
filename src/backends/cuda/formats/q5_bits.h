// The fifth bits of Q5_0 and Q5_1.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

/// Bits 4 * quad.. of a 32-bit mask as bit 4 of four bytes.
VIVACE_DEVICE uint32_t fifth_bits(uint32_t mask, int quad) { return spread_bits(mask >> (4 * quad)) << 4; }

}  // namespace vivace::cuda
