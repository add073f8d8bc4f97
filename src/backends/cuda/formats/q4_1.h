// Q4_1: x = d * code + m; byte i holds columns i and 16 + i.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ4_1 {
  static constexpr Format kFormat = Format::kQ4_1;
  static constexpr int kBlockColumns = 32, kBlockBytes = 20, kAlign = 4, kScaleColumns = 32;
  static constexpr bool kHasOffset = true, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t word = load_word<kAlign>(block + 4 + quad % 4 * 4);
    return static_cast<int>(word >> (quad / 4 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), load_half(block + 2)};
  }
};

}  // namespace vivace::cuda
