// Q8_0: x = d * code.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ8_0 {
  static constexpr Format kFormat = Format::kQ8_0;
  static constexpr int kBlockColumns = 32, kBlockBytes = 34, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int /*group*/, int quad) {
    return static_cast<int>(load_word<kAlign>(block + 2 + quad * 4));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block), 0};
  }
};

}  // namespace vivace::cuda
