// Q4_1: 32 columns, x = d * code + m. Byte i of qs holds column i (low nibble) and column 16 + i.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ4_1 {
  static constexpr Format kFormat = Format::kQ4_1;
  static constexpr const char* kName = "Q4_1";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint16_t d;  // f16
    uint16_t m;  // f16
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float m = f16_to_f32(block.m);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(block.qs[i] & 15) + m;
      out[i + 16] = d * static_cast<float>(block.qs[i] >> 4) + m;
    }
  }

  static void encode(const float* values, Block& block) {
    const auto [lowest, highest] = std::minmax_element(values, values + 32);
    const float min = *lowest;
    const float d = (*highest - min) / 15.0f;
    const float inverse = inverse_or_zero(d);
    block.d = scale_to_f16(d);
    block.m = scale_to_f16(min);
    for (int i = 0; i < 16; ++i) {
      const int low = truncate_clamped((values[i] - min) * inverse + 0.5f, 0, 15);
      const int high = truncate_clamped((values[i + 16] - min) * inverse + 0.5f, 0, 15);
      block.qs[i] = static_cast<uint8_t>(low | (high << 4));
    }
  }
};
static_assert(sizeof(FormatQ4_1::Block) == 20);
static_assert(offsetof(FormatQ4_1::Block, m) == 2);
static_assert(offsetof(FormatQ4_1::Block, qs) == 4);

}  // namespace vivace
