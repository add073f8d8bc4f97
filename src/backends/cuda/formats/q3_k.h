// Q3_K: groups of 16, x = d * scale * (code - 4); column 128h + 32j + l has its low bits at 2j of qs[32h + l] and its
// high bit at 4h + j of hmask[l]. Scale i: 4 bits in byte i % 8, 2 bits in byte 8 + i % 4 of the packed scales.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackQ3_K {
  static constexpr Format kFormat = Format::kQ3_K;
  static constexpr int kBlockColumns = 256, kBlockBytes = 110, kAlign = 2, kScaleColumns = 16;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t low = load_word<kAlign>(block + 32 + group / 4 * 32 + quad * 4) >> (group % 4 * 2) & 0x03030303u;
    const uint32_t high = load_word<kAlign>(block + quad * 4) >> group & 0x01010101u;
    return subtract_bytes<4>(low | high << 2);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int half) {
    const int index = 2 * group + half;
    const int low = block[96 + index % 8] >> (index / 8 * 4) & 15;
    const int high = block[104 + index % 4] >> (index / 4 * 2) & 3;
    return {load_half(block + 108) * static_cast<float>((low | high << 4) - 32), 0};
  }
};

}  // namespace vivace::cuda
