// F32: IEEE 754 binary32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"

namespace vivace {

struct FormatF32 {
  static constexpr Format kFormat = Format::kF32;
  static constexpr const char* kName = "F32";
  static constexpr uint32_t kColumns = 1;

  struct Block {
    float value;
  };

  static void decode(const Block& block, float* out) { out[0] = block.value; }

  static void encode(const float* values, Block& block) { block.value = values[0]; }
};
static_assert(sizeof(FormatF32::Block) == 4);

}  // namespace vivace
