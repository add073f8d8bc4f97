// Q5_1: x = d * code + m; nibbles as in Q4_1, bit j of qh is bit 4 of column j.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/formats/q5_bits.h"

namespace vivace::cuda {

struct UnpackQ5_1 {
  static constexpr Format kFormat = Format::kQ5_1;
  static constexpr int kBlockColumns = 32, kBlockBytes = 24, kAlign = 8, kScaleColumns = 32;
  static constexpr bool kHasOffset = true, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t low = load_word<kAlign>(block + 8 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu;
    return static_cast<int>(low | fifth_bits(load_word<kAlign>(block + 4), quad));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), load_half(block + 2)};
  }
};

}  // namespace vivace::cuda
