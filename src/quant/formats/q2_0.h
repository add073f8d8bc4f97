// Q2_0: 64 columns, x = d * (code - 1), codes 0..3. Column c has its 2 bits at 2 * (c % 4) of qs[c / 4].
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ2_0 {
  static constexpr Format kFormat = Format::kQ2_0;
  static constexpr const char* kName = "Q2_0";
  static constexpr uint32_t kColumns = 64;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int c = 0; c < 64; ++c) out[c] = d * static_cast<float>(((block.qs[c / 4] >> (c % 4 * 2)) & 3) - 1);
  }

  static void encode(const float* values, Block& block) {
    block = {};
    block.d = scale_to_f16(fit_scale(values, 64, -1, 2));
    const float inverse = inverse_or_zero(f16_to_f32(block.d));
    for (int c = 0; c < 64; ++c) {
      const int code = round_clamped(values[c] * inverse, -1, 2) + 1;
      block.qs[c / 4] = static_cast<uint8_t>(block.qs[c / 4] | (code << (c % 4 * 2)));
    }
  }
};
static_assert(sizeof(FormatQ2_0::Block) == 18);
static_assert(offsetof(FormatQ2_0::Block, qs) == 2);

}  // namespace vivace
