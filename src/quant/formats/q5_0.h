// Q5_0: 32 columns, x = d * (code - 16). Nibbles as in Q4_0; bit j of qh is bit 4 of column j's code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ5_0 {
  static constexpr Format kFormat = Format::kQ5_0;
  static constexpr const char* kName = "Q5_0";
  static constexpr uint32_t kColumns = 32;

  struct Block {
    uint16_t d;  // f16
    uint8_t qh[4];
    uint8_t qs[16];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    uint32_t high_bits;
    std::memcpy(&high_bits, block.qh, 4);
    for (int i = 0; i < 16; ++i) {
      const int low = (block.qs[i] & 15) | static_cast<int>((high_bits >> i & 1) << 4);
      const int high = (block.qs[i] >> 4) | static_cast<int>((high_bits >> (i + 16) & 1) << 4);
      out[i] = d * static_cast<float>(low - 16);
      out[i + 16] = d * static_cast<float>(high - 16);
    }
  }

  static void encode(const float* values, Block& block) {
    const float d = extreme_of(values, 32) / -16.0f;
    const float inverse = inverse_or_zero(d);
    block.d = scale_to_f16(d);
    uint32_t high_bits = 0;
    for (int i = 0; i < 16; ++i) {
      const int low = truncate_clamped(values[i] * inverse + 16.5f, 0, 31);
      const int high = truncate_clamped(values[i + 16] * inverse + 16.5f, 0, 31);
      block.qs[i] = static_cast<uint8_t>((low & 15) | ((high & 15) << 4));
      high_bits |= static_cast<uint32_t>(low >> 4) << i | static_cast<uint32_t>(high >> 4) << (i + 16);
    }
    std::memcpy(block.qh, &high_bits, 4);
  }
};
static_assert(sizeof(FormatQ5_0::Block) == 22);
static_assert(offsetof(FormatQ5_0::Block, qh) == 2);
static_assert(offsetof(FormatQ5_0::Block, qs) == 6);

}  // namespace vivace
