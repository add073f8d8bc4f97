// Q2_K: 256 columns in 16 groups of 16, x = d * scale * code - dmin * min. scales[g]: scale in the low nibble, min in
// the high one. Column 128h + 32j + l has its 2 bits at 2j of qs[32h + l].
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ2_K {
  static constexpr Format kFormat = Format::kQ2_K;
  static constexpr const char* kName = "Q2_K";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d;     // f16
    uint16_t dmin;  // f16
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    for (int c = 0; c < 256; ++c) {
      const uint8_t group = block.scales[c / 16];
      const float scale = d * static_cast<float>(group & 15);
      const float min = dmin * static_cast<float>(group >> 4);
      const int code = (block.qs[c / 128 * 32 + c % 32] >> (c / 32 % 4 * 2)) & 3;
      out[c] = scale * static_cast<float>(code) - min;
    }
  }

  static void encode(const float* values, Block& block) {
    const AffineBlock<16> fit = fit_affine_block<16>(values, 3, 15);
    block.d = fit.d;
    block.dmin = fit.dmin;
    for (int g = 0; g < 16; ++g) block.scales[g] = static_cast<uint8_t>(fit.scales[g] | (fit.mins[g] << 4));
    for (int i = 0; i < 64; ++i) {
      const uint8_t* codes = fit.codes + i / 32 * 128 + i % 32;
      block.qs[i] = static_cast<uint8_t>(codes[0] | (codes[32] << 2) | (codes[64] << 4) | (codes[96] << 6));
    }
  }
};
static_assert(sizeof(FormatQ2_K::Block) == 84);
static_assert(offsetof(FormatQ2_K::Block, qs) == 16);
static_assert(offsetof(FormatQ2_K::Block, d) == 80);
static_assert(offsetof(FormatQ2_K::Block, dmin) == 82);

}  // namespace vivace
