// TQ2_0: 256 ternary columns, x = d * (code - 1); column 128h + 32j + l has its bits at 2j of qs[32h + l].
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackTQ2_0 {
  static constexpr Format kFormat = Format::kTQ2_0;
  static constexpr int kBlockColumns = 256, kBlockBytes = 66, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t word = load_word<kAlign>(block + group / 4 * 32 + quad * 4);
    return subtract_bytes<1>(word >> (group % 4 * 2) & 0x03030303u);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block + 64), 0};
  }
};

}  // namespace vivace::cuda
