// IQ4_NL: x = d * value of the code; byte i holds columns i and 16 + i.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/formats/codebooks.h"

namespace vivace::cuda {

struct UnpackIQ4_NL {
  static constexpr Format kFormat = Format::kIQ4_NL;
  static constexpr int kBlockColumns = 32, kBlockBytes = 18, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t word = load_word<kAlign>(block + 2 + quad % 4 * 4);
    return iq4_values(word >> (quad / 4 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
