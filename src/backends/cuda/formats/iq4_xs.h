// IQ4_XS: groups of 32, x = d * (scale - 32) * value of the code; byte i of a group's 16 holds columns i and 16 + i.
#pragma once

#include "backends/cuda/formats/codebooks.h"

namespace vivace::cuda {

struct UnpackIQ4_XS {
  static constexpr Format kFormat = Format::kIQ4_XS;
  static constexpr int kBlockColumns = 256, kBlockBytes = 136, kAlign = 8, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t word = load_word<kAlign>(block + 8 + group * 16 + quad % 4 * 4);
    return iq4_values(word >> (quad / 4 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) {
    const uint32_t head = load_word<kAlign>(block), low = load_word<4>(block + 4) >> (4 * group) & 15;
    const int scale = static_cast<int>(low | (head >> (16 + 2 * group) & 3) << 4) - 32;
    return {half_to_float(static_cast<uint16_t>(head)) * static_cast<float>(scale), 0};
  }
};

}  // namespace vivace::cuda
