// Q6_K: groups of 16, x = d * scale * (code - 32); column 128h + 64n + l has its low bits in nibble n of ql[64h + l],
// column 128h + 32j + l its high bits at 2j of qh[32h + l].
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ6_K {
  static constexpr Format kFormat = Format::kQ6_K;
  static constexpr int kBlockColumns = 256, kBlockBytes = 210, kAlign = 2, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t low = load_word<kAlign>(block + group / 4 * 64 + group % 2 * 32 + quad * 4);
    const uint32_t high = load_word<kAlign>(block + 128 + group / 4 * 32 + quad * 4);
    return subtract_bytes<32>((low >> (group / 2 % 2 * 4) & 0x0F0F0F0Fu) | (high >> (group % 4 * 2) & 0x03030303u)
                                                                               << 4);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const int scale = static_cast<int8_t>(block[192 + 2 * group + half]);
    return {load_half(block + 208) * static_cast<float>(scale), 0};
  }
};

}  // namespace vivace::cuda
