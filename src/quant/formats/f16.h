// F16: IEEE 754 binary16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/half.h"

namespace vivace {

struct FormatF16 {
  static constexpr Format kFormat = Format::kF16;
  static constexpr const char* kName = "F16";
  static constexpr uint32_t kColumns = 1;

  struct Block {
    uint16_t value;
  };

  static void decode(const Block& block, float* out) { out[0] = f16_to_f32(block.value); }

  static void encode(const float* values, Block& block) { block.value = f32_to_f16(values[0]); }
};
static_assert(sizeof(FormatF16::Block) == 2);

}  // namespace vivace
