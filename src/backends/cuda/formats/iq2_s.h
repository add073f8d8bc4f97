// IQ2_S: groups of 16, x = d * (0.5 + scale) / 4 * grid * sign. The grid index of columns 8i.. is qs[i] plus 2 bits at
// 2 * (i % 4) of qh[i / 4]; signs[i] has its signs; scale g is nibble g % 2 of scales[g / 2].
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<1024> kIq2SPoints = make_grid(kIq2SGrid);

struct UnpackIQ2_S {
  static constexpr Format kFormat = Format::kIQ2_S;
  static constexpr int kBlockColumns = 256, kBlockBytes = 82, kAlign = 2, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const int i = 4 * group + quad / 2;
    const int index = block[2 + i] | (block[66 + group] >> (quad / 2 * 2) & 3) << 8;
    return iq2_codes(kIq2SPoints.points[index], quad % 2, block[34 + i]);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const int scale = block[74 + group] >> (half * 4) & 15;
    return {load_half(block) * (0.5f + static_cast<float>(scale)) * 0.25f, 0};
  }
};

}  // namespace vivace::cuda
