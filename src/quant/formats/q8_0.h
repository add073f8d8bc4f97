// Q8_0: 32 columns, x = d * code, codes of 8 bits.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ8_0 {
  static constexpr Format kFormat = Format::kQ8_0;
  static constexpr const char* kName = "Q8_0";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint16_t d;  // f16
    int8_t qs[32];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(block.qs[i]);
  }

  static void encode(const float* values, Block& block) {
    const float d = std::fabs(extreme_of(values, 32)) / 127.0f;
    const float inverse = inverse_or_zero(d);
    block.d = scale_to_f16(d);
    // Ties away from zero, as the format's reference rounds.
    for (int i = 0; i < 32; ++i) {
      block.qs[i] = static_cast<int8_t>(round_clamped(std::round(values[i] * inverse), -128, 127));
    }
  }
};
static_assert(sizeof(FormatQ8_0::Block) == 34);
static_assert(offsetof(FormatQ8_0::Block, qs) == 2);

}  // namespace vivace
