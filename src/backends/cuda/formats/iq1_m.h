// IQ1_M: groups of 16, x = d * (2 * scale + 1) * (grid +- 1/8). The grid index of columns 8i.. is qs[i] plus the low 3
// bits of nibble i % 2 of qh[i / 2], whose top bit makes the shift negative. scales[k] holds four 3-bit scales and, on
// top, nibble k of the f16 d.
#pragma once

#include "backends/cuda/formats/iq1_grid.h"

namespace vivace::cuda {

struct UnpackIQ1_M {
  static constexpr Format kFormat = Format::kIQ1_M;
  static constexpr int kBlockColumns = 256, kBlockBytes = 56, kAlign = 8, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const int i = 4 * group + quad / 2;
    const uint32_t high = block[32 + i / 2] >> (i % 2 * 4) & 15;
    return iq1_codes(kIq1Points.points[block[i] | (high & 7) << 8], quad % 2, high & 8);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const uint32_t low = load_word<kAlign>(block + 48), high = load_word<4>(block + 52);
    const uint32_t d = (low >> 12 & 0x000Fu) | (low >> 24 & 0x00F0u) | (high >> 4 & 0x0F00u) | (high >> 16 & 0xF000u);
    const int index = 2 * group + half;
    const uint32_t code = (index < 8 ? low : high) >> (index / 4 % 2 * 16 + index % 4 * 3) & 7;
    return {half_to_float(static_cast<uint16_t>(d)) * static_cast<float>(2 * code + 1) * 0.125f, 0};
  }
};

}  // namespace vivace::cuda
