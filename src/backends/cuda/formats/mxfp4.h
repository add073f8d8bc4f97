// MXFP4: x = 2^(e - 128) * twice the E2M1 value; byte i holds columns i and 16 + i. Blocks of 17 bytes lie anywhere.
#pragma once

#include "backends/cuda/formats/codebooks.h"

namespace vivace::cuda {

struct UnpackMXFP4 {
  static constexpr Format kFormat = Format::kMXFP4;
  static constexpr int kBlockColumns = 32, kBlockBytes = 17, kAlign = 1, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    const uint32_t word = load_word<kAlign>(block + 1 + quad % 4 * 4);
    return e2m1_doubled(word >> (quad / 4 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    const uint32_t code = block[0];
    return {bits_to_float(code < 2 ? 0x00200000u << code : (code - 1) << 23), 0};
  }
};

}  // namespace vivace::cuda
