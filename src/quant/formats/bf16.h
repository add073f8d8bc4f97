// BF16: the upper half of a binary32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/half.h"

namespace vivace {

struct FormatBF16 {
  static constexpr Format kFormat = Format::kBF16;
  static constexpr const char* kName = "BF16";
  static constexpr uint32_t kColumns = 1;

  struct Block {
    uint16_t value;
  };

  static void decode(const Block& block, float* out) { out[0] = bf16_to_f32(block.value); }

  static void encode(const float* values, Block& block) { block.value = f32_to_bf16(values[0]); }
};
static_assert(sizeof(FormatBF16::Block) == 2);

}  // namespace vivace
