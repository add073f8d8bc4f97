// IQ2_XS: 256 columns in 16 groups of 16, x = d * (0.5 + scale) / 4 * grid * sign. qs[i] is a 9-bit grid index of
// columns 8i.., with 7 signs above; scale g is nibble g % 2 of scales[g / 2]. Decode only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ2_XS {
  static constexpr Format kFormat = Format::kIQ2_XS;
  static constexpr const char* kName = "IQ2_XS";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint16_t qs[32];
    uint8_t scales[8];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 32; ++i) {
      const int code = (block.scales[i / 4] >> (i / 2 % 2 * 4)) & 15;
      const float scale = d * (0.5f + static_cast<float>(code)) * 0.25f;
      put_iq2_point(kIq2XsGrid[block.qs[i] & 511], even_signs(block.qs[i] >> 9), scale, out + 8 * i);
    }
  }
};
static_assert(sizeof(FormatIQ2_XS::Block) == 74);
static_assert(offsetof(FormatIQ2_XS::Block, qs) == 2);
static_assert(offsetof(FormatIQ2_XS::Block, scales) == 66);

}  // namespace vivace
