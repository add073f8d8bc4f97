// TQ1_0: 256 ternary columns, x = d * {-1, 0, 1}. A byte is a base-3 fraction of 5 digits (qh: 4), first digit highest:
// digit n of byte b is the high byte of 3 * ((b * 3^n) mod 256). Digit n of qs[i] is column 32n + i for i < 32 and
// 160 + 16n + (i - 32) above; digit n of qh[i] is column 240 + 4n + i.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats.h"
#include "quant/formats/fit.h"
#include "quant/half.h"

namespace vivace {

struct FormatTQ1_0 {
  static constexpr Format kFormat = Format::kTQ1_0;
  static constexpr const char* kName = "TQ1_0";
  static constexpr uint32_t kColumns = 256;

  struct Block {
    uint8_t qs[48];
    uint8_t qh[4];
    uint16_t d;  // f16
  };

  static void decode(const Block& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < 52; ++i) {
      const Place place = place_of(i);
      uint8_t fraction = i < 48 ? block.qs[i] : block.qh[i - 48];
      for (int n = 0; n < place.digits; ++n) {
        out[place.first + n * place.stride] = d * static_cast<float>(((fraction * 3) >> 8) - 1);
        fraction = static_cast<uint8_t>(fraction * 3);
      }
    }
  }

  static void encode(const float* values, Block& block) {
    const float d = std::fabs(extreme_of(values, 256));
    const float inverse = inverse_or_zero(d);
    block.d = scale_to_f16(d);
    for (int i = 0; i < 52; ++i) {
      const Place place = place_of(i);
      int digits = 0;
      for (int n = 0; n < 5; ++n) {
        const float value = n < place.digits ? values[place.first + n * place.stride] * inverse : -1.0f;
        digits = digits * 3 + round_clamped(std::round(value), -1, 1) + 1;
      }
      // Rounded up, so that the digits come out again by multiplication.
      (i < 48 ? block.qs[i] : block.qh[i - 48]) = static_cast<uint8_t>((digits * 256 + 242) / 243);
    }
  }

 private:
  struct Place {
    int first, stride, digits;  // of a byte's columns
  };
  static constexpr Place place_of(int byte) {
    if (byte < 32) return {byte, 32, 5};
    if (byte < 48) return {160 + byte - 32, 16, 5};
    return {240 + byte - 48, 4, 4};
  }
};
static_assert(sizeof(FormatTQ1_0::Block) == 54);
static_assert(offsetof(FormatTQ1_0::Block, qh) == 48);
static_assert(offsetof(FormatTQ1_0::Block, d) == 52);

}  // namespace vivace
