// IQ2_XS: groups of 16, x = d * (0.5 + scale) / 4 * grid * sign. qs[i] is a 9-bit grid index of columns 8i.., with 7
// signs above; scale g is nibble g % 2 of scales[g / 2].
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<512> kIq2XsPoints = make_grid(kIq2XsGrid);

struct UnpackIQ2_XS {
  static constexpr Format kFormat = Format::kIQ2_XS;
  static constexpr int kBlockColumns = 256, kBlockBytes = 74, kAlign = 2, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t point = *reinterpret_cast<const uint16_t*>(block + 2 + 2 * (4 * group + quad / 2));
    return iq2_codes(kIq2XsPoints.points[point & 511], quad % 2, even_sign_bits(point >> 9));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const int scale = block[66 + group] >> (half * 4) & 15;
    return {load_half(block) * (0.5f + static_cast<float>(scale)) * 0.25f, 0};
  }
};

}  // namespace vivace::cuda
