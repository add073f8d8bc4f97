// IQ1_M: 256 columns in 16 groups of 16, x = d * (2 * scale + 1) * (grid +- 1/8). The grid index of columns 8i.. is
// qs[i] plus the low 3 bits of nibble i % 2 of qh[i / 2], whose top bit makes the shift negative. scales[k] holds four
// 3-bit scales and, on top, nibble k of the f16 d. Decode only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ1_M {
  static constexpr Format kFormat = Format::kIQ1_M;
  static constexpr const char* kName = "IQ1_M";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t qs[32];
    uint8_t qh[16];
    uint16_t scales[4];
  };

  static void decode(const Block& block, float* out) {
    uint32_t d_bits = 0;
    for (int k = 0; k < 4; ++k) d_bits |= static_cast<uint32_t>(block.scales[k] >> 12) << (4 * k);
    const float d = f16_to_f32(static_cast<uint16_t>(d_bits));
    for (int i = 0; i < 32; ++i) {
      const int group = i / 2;
      const float scale = d * static_cast<float>(2 * ((block.scales[group / 4] >> (group % 4 * 3)) & 7) + 1);
      const int high = (block.qh[i / 2] >> (i % 2 * 4)) & 15;
      put_iq1_point(kIq1Grid[block.qs[i] | ((high & 7) << 8)], high & 8 ? -kIq1Delta : kIq1Delta, scale, out + 8 * i);
    }
  }
};
static_assert(sizeof(FormatIQ1_M::Block) == 56);
static_assert(offsetof(FormatIQ1_M::Block, qh) == 32);
static_assert(offsetof(FormatIQ1_M::Block, scales) == 48);

}  // namespace vivace
