// IQ2_XXS: groups of 32, x = d * (0.5 + scale) / 4 * grid * sign. A group is 8 bytes: 4 grid indices, then a word with
// 4 x 7 signs and the 4-bit scale on top.
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<256> kIq2XxsPoints = make_grid(kIq2XxsGrid);

struct UnpackIQ2_XXS {
  static constexpr Format kFormat = Format::kIQ2_XXS;
  static constexpr int kBlockColumns = 256, kBlockBytes = 66, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint8_t* bytes = block + 2 + 8 * group;
    const uint32_t signs = even_sign_bits(load_word<kAlign>(bytes + 4) >> (quad / 2 * 7) & 127);
    return iq2_codes(kIq2XxsPoints.points[bytes[quad / 2]], quad % 2, signs);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) {
    const uint32_t scale = load_word<kAlign>(block + 6 + 8 * group) >> 28;
    return {load_half(block) * (0.5f + static_cast<float>(scale)) * 0.25f, 0};
  }
};

}  // namespace vivace::cuda
