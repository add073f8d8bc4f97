// Q1_0: 128 columns, x = d for a set bit and -d for a clear one.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ1_0 {
  static constexpr Format kFormat = Format::kQ1_0;
  static constexpr int kBlockColumns = 128, kBlockBytes = 18, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t bits = block[2 + group * 4 + quad / 2] >> (quad % 2 * 4) & 15;
    return subtract_bytes<1>(spread_bits(bits) << 1);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
