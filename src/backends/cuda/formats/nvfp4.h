// NVFP4: groups of 16, x = E4M3 scale / 2 * twice the E2M1 value; byte i of a group's 8 holds columns i and 8 + i.
#pragma once

#include "backends/cuda/formats/codebooks.h"

namespace vivace::cuda {

struct UnpackNVFP4 {
  static constexpr Format kFormat = Format::kNVFP4;
  static constexpr int kBlockColumns = 64, kBlockBytes = 36, kAlign = 4, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t word = load_word<kAlign>(block + 4 + group * 16 + quad / 4 * 8 + quad % 2 * 4);
    return e2m1_doubled(word >> (quad / 2 % 2 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const uint32_t code = block[2 * group + half], exponent = code >> 3 & 15;
    if (code == 0x7F) return {0, 0};
    if (exponent == 0) return {static_cast<float>(code & 7) * 0x1p-10f, 0};
    return {bits_to_float((exponent + 119) << 23 | (code & 7) << 20), 0};
  }
};

}  // namespace vivace::cuda
