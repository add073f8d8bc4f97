// Q2_0: 64 columns, x = d * (code - 1); column c has its bits at 2 * (c % 4) of qs[c / 4].
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ2_0 {
  static constexpr Format kFormat = Format::kQ2_0;
  static constexpr int kBlockColumns = 64, kBlockBytes = 18, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    return subtract_bytes<1>(spread_pairs(block[2 + group * 8 + quad]));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
