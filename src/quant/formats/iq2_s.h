// IQ2_S: 256 columns in 16 groups of 16, x = d * (0.5 + scale) / 4 * grid * sign. The grid index of columns 8i.. is
// qs[i] plus 2 bits at 2 * (i % 4) of qh[i / 4]; signs[i] has its signs; scale g is nibble g % 2 of scales[g / 2].
// Decode only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ2_S {
  static constexpr Format kFormat = Format::kIQ2_S;
  static constexpr const char* kName = "IQ2_S";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 32; ++i) {
      const int code = (block.scales[i / 4] >> (i / 2 % 2 * 4)) & 15;
      const float scale = d * (0.5f + static_cast<float>(code)) * 0.25f;
      const int index = block.qs[i] | (((block.qh[i / 4] >> (i % 4 * 2)) & 3) << 8);
      put_iq2_point(kIq2SGrid[index], block.signs[i], scale, out + 8 * i);
    }
  }
};
static_assert(sizeof(FormatIQ2_S::Block) == 82);
static_assert(offsetof(FormatIQ2_S::Block, qs) == 2);
static_assert(offsetof(FormatIQ2_S::Block, signs) == 34);
static_assert(offsetof(FormatIQ2_S::Block, qh) == 66);
static_assert(offsetof(FormatIQ2_S::Block, scales) == 74);

}  // namespace vivace
