// IQ3_XXS: groups of 32, x = d * (0.5 + scale) / 2 * grid * sign. qs[i] is the grid index of columns 4i..; a word per
// group has 4 x 7 signs and the 4-bit scale on top.
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<256> kIq3XxsPoints = make_grid(kIq3XxsGrid);

struct UnpackIQ3_XXS {
  static constexpr Format kFormat = Format::kIQ3_XXS;
  static constexpr int kBlockColumns = 256, kBlockBytes = 98, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t levels = spread_nibbles(kIq3XxsPoints.points[block[2 + 8 * group + quad]]);
    const uint32_t signs = even_sign_bits(load_word<kAlign>(block + 66 + 4 * group) >> (quad / 2 * 7) & 127);
    // 4 + 8 * level, and 62 instead of 60 for level 7.
    const uint32_t seven = levels & levels >> 1 & levels >> 2 & 0x01010101u;
    return negate_bytes(0x04040404u + levels * 8u + seven * 2u, signs >> (quad % 2 * 4));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) {
    const uint32_t scale = load_word<kAlign>(block + 66 + 4 * group) >> 28;
    return {load_half(block) * (0.5f + static_cast<float>(scale)) * 0.5f, 0};
  }
};

}  // namespace vivace::cuda
