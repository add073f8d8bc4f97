// Q6_K: 256 columns in 16 groups of 16, x = d * scale * (code - 32). Column 128h + 64n + l (l < 64) has its low 4 bits
// in nibble n of ql[64h + l]; column 128h + 32j + l (l < 32) has its high 2 bits at 2j of qh[32h + l].
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ6_K {
  static constexpr Format kFormat = Format::kQ6_K;
  static constexpr const char* kName = "Q6_K";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;  // f16
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int c = 0; c < 256; ++c) {
      const int low = (block.ql[c / 128 * 64 + c % 64] >> (c / 64 % 2 * 4)) & 15;
      const int high = (block.qh[c / 128 * 32 + c % 32] >> (c / 32 % 4 * 2)) & 3;
      out[c] = d * static_cast<float>(block.scales[c / 16]) * static_cast<float>((low | (high << 4)) - 32);
    }
  }

  static void encode(const float* values, Block& block) {
    float scales[16];
    for (int g = 0; g < 16; ++g) scales[g] = fit_scale(values + 16 * g, 16, -32, 31);
    const GroupScales<16> groups = quantize_scales(scales, -128, 127);
    block = {};
    block.d = groups.unit;
    for (int g = 0; g < 16; ++g) block.scales[g] = groups.scales[g];
    for (int c = 0; c < 256; ++c) {
      const float inverse = inverse_or_zero(f16_to_f32(block.d) * static_cast<float>(block.scales[c / 16]));
      const int code = round_clamped(values[c] * inverse, -32, 31) + 32;
      uint8_t& low = block.ql[c / 128 * 64 + c % 64];
      uint8_t& high = block.qh[c / 128 * 32 + c % 32];
      low = static_cast<uint8_t>(low | ((code & 15) << (c / 64 % 2 * 4)));
      high = static_cast<uint8_t>(high | ((code >> 4) << (c / 32 % 4 * 2)));
    }
  }
};
static_assert(sizeof(FormatQ6_K::Block) == 210);
static_assert(offsetof(FormatQ6_K::Block, qh) == 128);
static_assert(offsetof(FormatQ6_K::Block, scales) == 192);
static_assert(offsetof(FormatQ6_K::Block, d) == 208);

}  // namespace vivace
