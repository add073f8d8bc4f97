// Lattice points of the IQ1, IQ2 and IQ3 formats as int8 codes. The grids are copied to the device's memory, where the
// caches keep them.
#pragma once

#include <cstddef>

#include "backends/cuda/formats/bytes.h"
#include "quant/formats/iq_grids.h"

namespace vivace::cuda {

template <size_t kSize>
struct Grid {
  uint16_t points[kSize];
};

template <size_t kSize>
constexpr Grid<kSize> make_grid(const uint16_t (&points)[kSize]) {
  Grid<kSize> grid{};
  for (size_t i = 0; i < kSize; ++i) grid.points[i] = points[i];
  return grid;
}

/// Four 4-bit codes of 16 bits, one in each byte.
VIVACE_DEVICE uint32_t spread_nibbles(uint32_t half) {
  const uint32_t bytes = (half | half << 8) & 0x00FF00FFu;
  return (bytes | bytes << 4) & 0x0F0F0F0Fu;
}

/// IQ2: columns 4 * upper.. of a point of 8: levels 8, 25, 43.
VIVACE_DEVICE int iq2_codes(uint32_t point, int upper, uint32_t signs) {
  const uint32_t levels = spread_pairs(point >> (upper * 8) & 255);
  // 8 + 17 * level, and one more for level 2.
  const uint32_t bytes = 0x08080808u + levels * 17u + (levels >> 1 & 0x01010101u);
  return negate_bytes(bytes, signs >> (upper * 4));
}

/// IQ1: columns 4 * upper.. of a point of 8, in eighths: 8 * (-1, 0 or 1) + 1 or - 1.
VIVACE_DEVICE int iq1_codes(uint32_t point, int upper, bool negative_shift) {
  const uint32_t levels = spread_pairs(point >> (upper * 8) & 255) << 3;
  return negative_shift ? subtract_bytes<9>(levels) : subtract_bytes<7>(levels);
}

/// IQ2 and IQ3: 8 signs from 7 stored ones; the eighth makes the number of minus signs even.
VIVACE_DEVICE uint32_t even_sign_bits(uint32_t seven_bits) {
  return seven_bits | (static_cast<uint32_t>(population_count(seven_bits)) & 1u) << 7;
}

}  // namespace vivace::cuda
