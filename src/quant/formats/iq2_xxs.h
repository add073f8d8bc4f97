// IQ2_XXS: 256 columns in 8 groups of 32, x = d * (0.5 + scale) / 4 * grid * sign. A group is 8 bytes: 4 grid indices
// of 8 columns, then a word with 4 x 7 signs and the 4-bit scale on top. Decode only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ2_XXS {
  static constexpr Format kFormat = Format::kIQ2_XXS;
  static constexpr const char* kName = "IQ2_XXS";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[64];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int g = 0; g < 8; ++g) {
      const uint8_t* group = block.qs + 8 * g;
      uint32_t signs;
      std::memcpy(&signs, group + 4, 4);
      const float scale = d * (0.5f + static_cast<float>(signs >> 28)) * 0.25f;
      for (int i = 0; i < 4; ++i) {
        put_iq2_point(kIq2XxsGrid[group[i]], even_signs((signs >> (7 * i)) & 127), scale, out + 32 * g + 8 * i);
      }
    }
  }
};
static_assert(sizeof(FormatIQ2_XXS::Block) == 66);
static_assert(offsetof(FormatIQ2_XXS::Block, qs) == 2);

}  // namespace vivace
