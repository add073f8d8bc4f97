// TQ2_0: 256 ternary columns, x = d * (code - 1). Column 128h + 32j + l has its 2 bits at 2j of qs[32h + l].
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatTQ2_0 {
  static constexpr Format kFormat = Format::kTQ2_0;
  static constexpr const char* kName = "TQ2_0";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t qs[64];
    uint16_t d;  // f16
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int c = 0; c < 256; ++c) {
      out[c] = d * static_cast<float>(((block.qs[c / 128 * 32 + c % 32] >> (c / 32 % 4 * 2)) & 3) - 1);
    }
  }

  static void encode(const float* values, Block& block) {
    const float d = std::fabs(extreme_of(values, 256));
    const float inverse = inverse_or_zero(d);
    block = {};
    block.d = scale_to_f16(d);
    for (int c = 0; c < 256; ++c) {
      const int code = round_clamped(std::round(values[c] * inverse), -1, 1) + 1;
      uint8_t& byte = block.qs[c / 128 * 32 + c % 32];
      byte = static_cast<uint8_t>(byte | (code << (c / 32 % 4 * 2)));
    }
  }
};
static_assert(sizeof(FormatTQ2_0::Block) == 66);
static_assert(offsetof(FormatTQ2_0::Block, d) == 64);

}  // namespace vivace
