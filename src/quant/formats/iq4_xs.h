// IQ4_XS: 256 columns in 8 groups of 32, x = d * (scale - 32) * kIq4Values[code]. Scale g: 4 bits in nibble g % 2 of
// scales_l[g / 2], 2 bits at 2g of scales_h. Byte i of group g's 16 bytes holds columns i (low nibble) and 16 + i.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/codebooks.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ4_XS {
  static constexpr Format kFormat = Format::kIQ4_XS;
  static constexpr const char* kName = "IQ4_XS";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint16_t scales_h;
    uint8_t scales_l[4];
    uint8_t qs[128];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int g = 0; g < 8; ++g) {
      const int low = (block.scales_l[g / 2] >> (g % 2 * 4)) & 15;
      const int high = (block.scales_h >> (2 * g)) & 3;
      const float scale = d * static_cast<float>((low | (high << 4)) - 32);
      for (int i = 0; i < 16; ++i) {
        const uint8_t codes = block.qs[16 * g + i];
        out[32 * g + i] = scale * static_cast<float>(kIq4Values[codes & 15]);
        out[32 * g + i + 16] = scale * static_cast<float>(kIq4Values[codes >> 4]);
      }
    }
  }

  static void encode(const float* values, Block& block) {
    float scales[8];
    for (int g = 0; g < 8; ++g) scales[g] = fit_iq4_scale(values + 32 * g, 32);
    const GroupScales<8> groups = quantize_scales(scales, -32, 31);
    block = {};
    block.d = groups.unit;
    for (int g = 0; g < 8; ++g) {
      const int stored = groups.scales[g] + 32;
      block.scales_l[g / 2] = static_cast<uint8_t>(block.scales_l[g / 2] | ((stored & 15) << (g % 2 * 4)));
      block.scales_h = static_cast<uint16_t>(block.scales_h | ((stored >> 4) << (2 * g)));
      const float inverse = inverse_or_zero(f16_to_f32(block.d) * static_cast<float>(groups.scales[g]));
      for (int i = 0; i < 16; ++i) {
        const int low = nearest_code(kIq4Values, values[32 * g + i] * inverse);
        const int high = nearest_code(kIq4Values, values[32 * g + i + 16] * inverse);
        block.qs[16 * g + i] = static_cast<uint8_t>(low | (high << 4));
      }
    }
  }
};
static_assert(sizeof(FormatIQ4_XS::Block) == 136);
static_assert(offsetof(FormatIQ4_XS::Block, scales_h) == 2);
static_assert(offsetof(FormatIQ4_XS::Block, scales_l) == 4);
static_assert(offsetof(FormatIQ4_XS::Block, qs) == 8);

}  // namespace vivace
