// IQ1_S: 256 columns in 8 groups of 32, x = d * (2 * scale + 1) * (grid +- 1/8). The grid index of columns 8i.. is
// qs[i] plus 3 bits at 3 * (i % 4) of qh[i / 4]; qh's bits 12..14 are the scale, bit 15 makes the shift negative.
// Decode only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ1_S {
  static constexpr Format kFormat = Format::kIQ1_S;
  static constexpr const char* kName = "IQ1_S";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[32];
    uint16_t qh[8];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 32; ++i) {
      const int high = block.qh[i / 4];
      const float scale = d * static_cast<float>(2 * ((high >> 12) & 7) + 1);
      const float shift = high & 0x8000 ? -kIq1Delta : kIq1Delta;
      const int index = block.qs[i] | (((high >> (i % 4 * 3)) & 7) << 8);
      put_iq1_point(kIq1Grid[index], shift, scale, out + 8 * i);
    }
  }
};
static_assert(sizeof(FormatIQ1_S::Block) == 50);
static_assert(offsetof(FormatIQ1_S::Block, qs) == 2);
static_assert(offsetof(FormatIQ1_S::Block, qh) == 34);

}  // namespace vivace
