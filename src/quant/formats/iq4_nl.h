// IQ4_NL: 32 columns, x = d * kIq4Values[code]. Nibbles as in Q4_0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/codebooks.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ4_NL {
  static constexpr Format kFormat = Format::kIQ4_NL;
  static constexpr const char* kName = "IQ4_NL";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(kIq4Values[block.qs[i] & 15]);
      out[i + 16] = d * static_cast<float>(kIq4Values[block.qs[i] >> 4]);
    }
  }

  static void encode(const float* values, Block& block) {
    block.d = scale_to_f16(fit_iq4_scale(values, 32));
    const float inverse = inverse_or_zero(f16_to_f32(block.d));
    for (int i = 0; i < 16; ++i) {
      const int low = nearest_code(kIq4Values, values[i] * inverse);
      const int high = nearest_code(kIq4Values, values[i + 16] * inverse);
      block.qs[i] = static_cast<uint8_t>(low | (high << 4));
    }
  }
};
static_assert(sizeof(FormatIQ4_NL::Block) == 18);
static_assert(offsetof(FormatIQ4_NL::Block, qs) == 2);

}  // namespace vivace
