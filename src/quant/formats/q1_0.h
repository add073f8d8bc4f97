// Q1_0: 128 columns, x = d for a set bit and -d for a clear one. Column c is bit c % 8 of qs[c / 8].
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ1_0 {
  static constexpr Format kFormat = Format::kQ1_0;
  static constexpr const char* kName = "Q1_0";
  static constexpr uint32_t kColumns = 128;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int c = 0; c < 128; ++c) out[c] = (block.qs[c / 8] >> (c % 8)) & 1 ? d : -d;
  }

  static void encode(const float* values, Block& block) {
    // The mean magnitude is the least-squares scale of the signs.
    double sum = 0;
    for (int c = 0; c < 128; ++c) sum += std::fabs(values[c]);
    block = {};
    block.d = scale_to_f16(static_cast<float>(sum / 128));
    for (int c = 0; c < 128; ++c) {
      if (values[c] >= 0.0f) block.qs[c / 8] = static_cast<uint8_t>(block.qs[c / 8] | (1 << (c % 8)));
    }
  }
};
static_assert(sizeof(FormatQ1_0::Block) == 18);
static_assert(offsetof(FormatQ1_0::Block, qs) == 2);

}  // namespace vivace
