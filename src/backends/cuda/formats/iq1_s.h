// IQ1_S: groups of 32, x = d * (2 * scale + 1) * (grid +- 1/8). The grid index of columns 8i.. is qs[i] plus 3 bits at
// 3 * (i % 4) of qh[i / 4]; bits 12..14 of qh are the scale, bit 15 makes the shift negative.
#pragma once

#include "backends/cuda/formats/iq1_grid.h"

namespace vivace::cuda {

struct UnpackIQ1_S {
  static constexpr Format kFormat = Format::kIQ1_S;
  static constexpr int kBlockColumns = 256, kBlockBytes = 50, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE uint32_t high(const uint8_t* block, int group) {
    return *reinterpret_cast<const uint16_t*>(block + 34 + 2 * group);
  }
  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t bits = high(block, group);
    const uint32_t index = block[2 + 4 * group + quad / 2] | (bits >> (quad / 2 * 3) & 7) << 8;
    return iq1_codes(kIq1Points.points[index], quad % 2, bits & 0x8000u);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) {
    return {load_half(block) * static_cast<float>(2 * (high(block, group) >> 12 & 7) + 1) * 0.125f, 0};
  }
};

}  // namespace vivace::cuda
