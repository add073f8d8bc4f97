// Q4_K: groups of 32, x = d * scale * code - dmin * min; byte l of 32 holds column l of an even group and of the next.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/formats/k_scales.h"

namespace vivace::cuda {

struct UnpackQ4_K {
  static constexpr Format kFormat = Format::kQ4_K;
  static constexpr int kBlockColumns = 256, kBlockBytes = 144, kAlign = 16, kScaleColumns = 32;
  static constexpr bool kHasOffset = true, kHalfBlocks = true;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t word = load_word<kAlign>(block + 16 + group / 2 * 32 + quad * 4);
    return static_cast<int>(word >> (group % 2 * 4) & 0x0F0F0F0Fu);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) { return k_affine(block, group); }
  static VIVACE_DEVICE void affines(const uint8_t* block, int half, Affine (&out)[4]) { k_affines(block, half, out); }
};

}  // namespace vivace::cuda
