// Q4_K: 256 columns in 8 groups of 32, x = d * scale * code - dmin * min, 6-bit scales and mins in k_scales.h. Column
// 64p + l (l < 32) is the low nibble of qs[32p + l], column 64p + 32 + l its high nibble.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/formats/k_scales.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ4_K {
  static constexpr Format kFormat = Format::kQ4_K;
  static constexpr const char* kName = "Q4_K";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;     // f16
    uint16_t dmin;  // f16
    uint8_t scales[12];
    uint8_t qs[128];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    uint8_t scales[8], mins[8];
    unpack_scales_mins(block.scales, scales, mins);
    for (int c = 0; c < 256; ++c) {
      const int group = c / 32;
      const float scale = d * static_cast<float>(scales[group]);
      const float min = dmin * static_cast<float>(mins[group]);
      const int code = (block.qs[c / 64 * 32 + c % 32] >> (group % 2 * 4)) & 15;
      out[c] = scale * static_cast<float>(code) - min;
    }
  }

  static void encode(const float* values, Block& block) {
    const AffineBlock<8> fit = fit_affine_block<8>(values, 15, 63);
    block.d = fit.d;
    block.dmin = fit.dmin;
    pack_scales_mins(fit.scales, fit.mins, block.scales);
    for (int i = 0; i < 128; ++i) {
      const uint8_t* codes = fit.codes + i / 32 * 64 + i % 32;
      block.qs[i] = static_cast<uint8_t>(codes[0] | (codes[32] << 4));
    }
  }
};
static_assert(sizeof(FormatQ4_K::Block) == 144);
static_assert(offsetof(FormatQ4_K::Block, dmin) == 2);
static_assert(offsetof(FormatQ4_K::Block, scales) == 4);
static_assert(offsetof(FormatQ4_K::Block, qs) == 16);

}  // namespace vivace
