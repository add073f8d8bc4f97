// NVFP4: 64 columns in 4 groups of 16, x = scale * E2M1 code with an unsigned E4M3 scale per group. Byte i of group g's
// 8 bytes holds columns i (low nibble) and 8 + i of the group.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/codebooks.h"
#include "quant/formats/fit.h"

namespace vivace {

struct FormatNVFP4 {
  static constexpr Format kFormat = Format::kNVFP4;
  static constexpr const char* kName = "NVFP4";
  static constexpr uint32_t kColumns = 64;

  struct Block {
    uint8_t scales[4];  // unsigned E4M3
    uint8_t qs[32];
  };

  static void decode(const Block& block, float* out) {
    for (int g = 0; g < 4; ++g) {
      const float half_scale = ue4m3_half(block.scales[g]);
      for (int i = 0; i < 8; ++i) {
        const uint8_t codes = block.qs[8 * g + i];
        out[16 * g + i] = half_scale * static_cast<float>(kE2m1Doubled[codes & 15]);
        out[16 * g + i + 8] = half_scale * static_cast<float>(kE2m1Doubled[codes >> 4]);
      }
    }
  }

  static void encode(const float* values, Block& block) {
    for (int g = 0; g < 4; ++g) {
      const float* group = values + 16 * g;
      block.scales[g] = ue4m3_nearest(std::fabs(extreme_of(group, 16)) / 6.0f);
      const float inverse = inverse_or_zero(ue4m3_half(block.scales[g]));
      for (int i = 0; i < 8; ++i) {
        const int low = nearest_code(kE2m1Doubled, group[i] * inverse);
        const int high = nearest_code(kE2m1Doubled, group[i + 8] * inverse);
        block.qs[8 * g + i] = static_cast<uint8_t>(low | (high << 4));
      }
    }
  }
};
static_assert(sizeof(FormatNVFP4::Block) == 36);
static_assert(offsetof(FormatNVFP4::Block, qs) == 4);

}  // namespace vivace
