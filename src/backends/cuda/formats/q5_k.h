// Q5_K: as Q4_K with codes of 5 bits: bit g of qh[l] is bit 4 of the code of column 32g + l.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/formats/k_scales.h"

namespace vivace::cuda {

struct UnpackQ5_K {
  static constexpr Format kFormat = Format::kQ5_K;
  static constexpr int kBlockColumns = 256, kBlockBytes = 176, kAlign = 16, kScaleColumns = 32;
  static constexpr bool kHasOffset = true, kHalfBlocks = true;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const uint32_t low = load_word<kAlign>(block + 48 + group / 2 * 32 + quad * 4) >> (group % 2 * 4) & 0x0F0F0F0Fu;
    const uint32_t high = load_word<kAlign>(block + 16 + quad * 4) >> group & 0x01010101u;
    return static_cast<int>(low | high << 4);
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) { return k_affine(block, group); }
  static VIVACE_DEVICE void affines(const uint8_t* block, int half, Affine (&out)[4]) { k_affines(block, half, out); }
};

}  // namespace vivace::cuda
