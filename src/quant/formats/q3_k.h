// Q3_K: 256 columns in 16 groups of 16, x = d * scale * (code - 4), 6-bit scales in k_scales.h. Column 128h + 32j + l
// has its low 2 bits at 2j of qs[32h + l] and its high bit at 4h + j of hmask[l].
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/formats/k_scales.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ3_K {
  static constexpr Format kFormat = Format::kQ3_K;
  static constexpr const char* kName = "Q3_K";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;  // f16
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    int8_t scales[16];
    unpack_q3_scales(block.scales, scales);
    for (int c = 0; c < 256; ++c) {
      const int low = (block.qs[c / 128 * 32 + c % 32] >> (c / 32 % 4 * 2)) & 3;
      const int high = (block.hmask[c % 32] >> (c / 32)) & 1;
      out[c] = d * static_cast<float>(scales[c / 16]) * static_cast<float>((low | (high << 2)) - 4);
    }
  }

  static void encode(const float* values, Block& block) {
    float scales[16];
    for (int g = 0; g < 16; ++g) scales[g] = fit_scale(values + 16 * g, 16, -4, 3);
    const GroupScales<16> groups = quantize_scales(scales, -32, 31);
    block = {};
    block.d = groups.unit;
    pack_q3_scales(groups.scales, block.scales);
    for (int c = 0; c < 256; ++c) {
      const float inverse = inverse_or_zero(f16_to_f32(block.d) * static_cast<float>(groups.scales[c / 16]));
      const int code = round_clamped(values[c] * inverse, -4, 3) + 4;
      uint8_t& low = block.qs[c / 128 * 32 + c % 32];
      uint8_t& high = block.hmask[c % 32];
      low = static_cast<uint8_t>(low | ((code & 3) << (c / 32 % 4 * 2)));
      high = static_cast<uint8_t>(high | ((code >> 2) << (c / 32)));
    }
  }
};
static_assert(sizeof(FormatQ3_K::Block) == 110);
static_assert(offsetof(FormatQ3_K::Block, qs) == 32);
static_assert(offsetof(FormatQ3_K::Block, scales) == 96);
static_assert(offsetof(FormatQ3_K::Block, d) == 108);

}  // namespace vivace
