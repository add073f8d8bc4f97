// TQ1_0: 256 ternary columns, x = d * {-1, 0, 1}; a byte is a base-3 fraction of five digits, the first highest. Digit
// n of qs[i] is column 32n + i for i < 32 and 160 + 16n + (i - 32) above; digit n of qh[i] is column 240 + 4n + i.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

struct UnpackTQ1_0 {
  static constexpr Format kFormat = Format::kTQ1_0;
  static constexpr int kBlockColumns = 256, kBlockBytes = 54, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    int byte, digit;  // of the first column; the other three are the next bytes
    if (group < 5) {
      byte = quad * 4, digit = group;
    } else if (group < 7 || quad < 4) {
      const int column = group * 32 + quad * 4 - 160;
      byte = 32 + column % 16, digit = column / 16;
    } else {
      byte = 48, digit = quad - 4;
    }
    const uint32_t fractions = load_word<kAlign>(block + byte);
    const uint32_t power = digit == 0 ? 1 : digit == 1 ? 3 : digit == 2 ? 9 : digit == 3 ? 27 : 81;
    // Even and odd bytes apart in 16-bit lanes; the digit is the high byte of 3 * (fraction * 3^digit mod 256).
    const uint32_t even = ((fractions & 0x00FF00FFu) * power & 0x00FF00FFu) * 3;
    const uint32_t odd = ((fractions >> 8 & 0x00FF00FFu) * power & 0x00FF00FFu) * 3;
    return subtract_bytes<1>((even >> 8 & 0x00FF00FFu) | (odd & 0xFF00FF00u));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int /*group*/, int /*half*/) {
    return {load_half(block + 52), 0};
  }
};

}  // namespace vivace::cuda
