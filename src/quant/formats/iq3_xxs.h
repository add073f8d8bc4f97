// IQ3_XXS: 256 columns in 8 groups of 32, x = d * (0.5 + scale) / 2 * grid * sign. qs[i] is the grid index of columns
// 4i..; a word per group has 4 x 7 signs and the 4-bit scale on top. Decode only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ3_XXS {
  static constexpr Format kFormat = Format::kIQ3_XXS;
  static constexpr const char* kName = "IQ3_XXS";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[64];
    uint8_t signs[32];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int g = 0; g < 8; ++g) {
      uint32_t signs;
      std::memcpy(&signs, block.signs + 4 * g, 4);
      const float scale = d * (0.5f + static_cast<float>(signs >> 28)) * 0.5f;
      for (int i = 0; i < 8; ++i) {
        const int four_signs = even_signs((signs >> (i / 2 * 7)) & 127) >> (i % 2 * 4);
        put_iq3_point(kIq3XxsGrid[block.qs[8 * g + i]], kIq3XxsLevels, four_signs, scale, out + 32 * g + 4 * i);
      }
    }
  }
};
static_assert(sizeof(FormatIQ3_XXS::Block) == 98);
static_assert(offsetof(FormatIQ3_XXS::Block, qs) == 2);
static_assert(offsetof(FormatIQ3_XXS::Block, signs) == 66);

}  // namespace vivace
