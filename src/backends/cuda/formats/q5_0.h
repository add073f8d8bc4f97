// Q5_0: x = d * (code - 16); nibbles as in Q4_0, bit j of qh is bit 4 of column j.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/formats/q5_bits.h"

namespace vivace::cuda {

struct UnpackQ5_0 {
  static constexpr Format kFormat = Format::kQ5_0;
  static constexpr int kBlockColumns = 32, kBlockBytes = 22, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t low = load_word<kAlign>(block + 6 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu;
    return subtract_bytes<16>(low | fifth_bits(load_word<kAlign>(block + 2), quad));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
