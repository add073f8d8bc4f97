// IQ3_S: 256 columns in 8 groups of 32, x = d * (1 + 2 * scale) * grid * sign. The grid index of columns 4i.. is qs[i]
// plus bit i % 8 of qh[i / 8]; column c has sign bit c % 8 of signs[c / 8]; scale g is nibble g % 2 of scales[g / 2].
// Decode only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/iq_grids.h"
#include "quant/formats/iq_lattice.h"
#include "quant/half.h"

namespace vivace {

struct FormatIQ3_S {
  static constexpr Format kFormat = Format::kIQ3_S;
  static constexpr const char* kName = "IQ3_S";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;  // f16
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 64; ++i) {
      const int code = (block.scales[i / 16] >> (i / 8 % 2 * 4)) & 15;
      const float scale = d * static_cast<float>(1 + 2 * code);
      const int index = block.qs[i] | (((block.qh[i / 8] >> (i % 8)) & 1) << 8);
      put_iq3_point(kIq3SGrid[index], kIq3SLevels, block.signs[i / 2] >> (i % 2 * 4), scale, out + 4 * i);
    }
  }
};
static_assert(sizeof(FormatIQ3_S::Block) == 110);
static_assert(offsetof(FormatIQ3_S::Block, qs) == 2);
static_assert(offsetof(FormatIQ3_S::Block, qh) == 66);
static_assert(offsetof(FormatIQ3_S::Block, signs) == 74);
static_assert(offsetof(FormatIQ3_S::Block, scales) == 106);

}  // namespace vivace
