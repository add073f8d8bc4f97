// Q5_K: as Q4_K with codes of 5 bits: bit g of qh[l] is bit 4 of the code of column 32g + l.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/formats/k_scales.h"
#include "quant/half.h"

namespace vivace {

struct FormatQ5_K {
  static constexpr Format kFormat = Format::kQ5_K;
  static constexpr const char* kName = "Q5_K";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint16_t d;     // f16
    uint16_t dmin;  // f16
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    uint8_t scales[8], mins[8];
    unpack_scales_mins(block.scales, scales, mins);
    for (int c = 0; c < 256; ++c) {
      const int group = c / 32;
      const float scale = d * static_cast<float>(scales[group]);
      const float min = dmin * static_cast<float>(mins[group]);
      const int low = (block.qs[c / 64 * 32 + c % 32] >> (group % 2 * 4)) & 15;
      const int high = (block.qh[c % 32] >> group) & 1;
      out[c] = scale * static_cast<float>(low | (high << 4)) - min;
    }
  }

  static void encode(const float* values, Block& block) {
    const AffineBlock<8> fit = fit_affine_block<8>(values, 31, 63);
    block = {};
    block.d = fit.d;
    block.dmin = fit.dmin;
    pack_scales_mins(fit.scales, fit.mins, block.scales);
    for (int i = 0; i < 128; ++i) {
      const uint8_t* codes = fit.codes + i / 32 * 64 + i % 32;
      block.qs[i] = static_cast<uint8_t>((codes[0] & 15) | ((codes[32] & 15) << 4));
      uint8_t& high = block.qh[i % 32];
      high = static_cast<uint8_t>(high | (((codes[0] >> 4) | (codes[32] >> 4 << 1)) << (i / 32 * 2)));
    }
  }
};
static_assert(sizeof(FormatQ5_K::Block) == 176);
static_assert(offsetof(FormatQ5_K::Block, dmin) == 2);
static_assert(offsetof(FormatQ5_K::Block, scales) == 4);
static_assert(offsetof(FormatQ5_K::Block, qh) == 16);
static_assert(offsetof(FormatQ5_K::Block, qs) == 48);

}  // namespace vivace
