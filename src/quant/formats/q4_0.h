// Q4_0: 32 columns, x = d * (code - 8). Byte i of qs holds column i (low nibble) and column 16 + i.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ4_0 {
  static constexpr Format kFormat = Format::kQ4_0;
  static constexpr const char* kName = "Q4_0";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((block.qs[i] & 15) - 8);
      out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
    }
  }

  static void encode(const float* values, Block& block) {
    const float d = extreme_of(values, 32) / -8.0f;
    const float inverse = inverse_or_zero(d);
    block.d = scale_to_f16(d);
    for (int i = 0; i < 16; ++i) {
      const int low = truncate_clamped(values[i] * inverse + 8.5f, 0, 15);
      const int high = truncate_clamped(values[i + 16] * inverse + 8.5f, 0, 15);
      block.qs[i] = static_cast<uint8_t>(low | (high << 4));
    }
  }
};
static_assert(sizeof(FormatQ4_0::Block) == 18);
static_assert(offsetof(FormatQ4_0::Block, qs) == 2);

}  // namespace vivace
