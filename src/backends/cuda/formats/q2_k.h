// Q2_K: groups of 16, x = d * scale * code - dmin * min; column 128h + 32j + l has its bits at 2j of qs[32h + l].
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ2_K {
  static constexpr Format kFormat = Format::kQ2_K;
  static constexpr int kBlockColumns = 256, kBlockBytes = 84, kAlign = 4, kScaleColumns = 16;
  static constexpr bool kHasOffset = true, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t word = load_word<kAlign>(block + 16 + group / 4 * 32 + quad * 4);
    return static_cast<int>(word >> (group % 4 * 2) & 0x03030303u);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const int packed = block[2 * group + half];
    return {load_half(block + 80) * static_cast<float>(packed & 15),
            -(load_half(block + 82) * static_cast<float>(packed >> 4))};
  }
};

}  // namespace vivace::cuda
