// MXFP4: 32 columns, x = 2^(e - 127) * E2M1 code (OCP Microscaling Formats 1.0). Nibbles as in Q4_0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/codebooks.h"
#include "quant/formats/fit.h"

namespace vivace {

struct FormatMXFP4 {
  static constexpr Format kFormat = Format::kMXFP4;
  static constexpr const char* kName = "MXFP4";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint8_t e;  // E8M0
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float half_scale = e8m0_half(block.e);
    for (int i = 0; i < 16; ++i) {
      out[i] = half_scale * static_cast<float>(kE2m1Doubled[block.qs[i] & 15]);
      out[i + 16] = half_scale * static_cast<float>(kE2m1Doubled[block.qs[i] >> 4]);
    }
  }

  static void encode(const float* values, Block& block) {
    const float extreme = std::fabs(extreme_of(values, 32));
    // The largest code is 6 = 1.5 * 2^2.
    block.e = static_cast<uint8_t>(extreme > 0.0f ? std::clamp(std::ilogb(extreme) - 2 + 127, 0, 254) : 0);
    const float half_scale = e8m0_half(block.e);
    for (int i = 0; i < 16; ++i) {
      const int low = nearest_code(kE2m1Doubled, values[i] / half_scale);
      const int high = nearest_code(kE2m1Doubled, values[i + 16] / half_scale);
      block.qs[i] = static_cast<uint8_t>(low | (high << 4));
    }
  }
};
static_assert(sizeof(FormatMXFP4::Block) == 17);
static_assert(offsetof(FormatMXFP4::Block, qs) == 1);

}  // namespace vivace
