// Q4_0: x = d * (code - 8); byte i holds columns i and 16 + i.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ4_0 {
  static constexpr Format kFormat = Format::kQ4_0;
  static constexpr int kBlockColumns = 32, kBlockBytes = 18, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t word = load_word<kAlign>(block + 2 + quad % 4 * 4);
    return subtract_bytes<8>(word >> (quad / 4 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
