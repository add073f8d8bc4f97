// Small value tables and scale codes that several formats share.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace vivace {

static_assert(std::endian::native == std::endian::little, "block structs are read as little-endian");

/// IQ4_NL and IQ4_XS: the value of a 4-bit code.
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// MXFP4 and NVFP4: twice the value of an E2M1 code (OCP Microscaling Formats 1.0).
inline constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Half of the E8M0 scale 2^(code - 127), to go with the doubled E2M1 values; codes 0 and 1 are subnormal.
constexpr float e8m0_half(uint8_t code) {
  return std::bit_cast<float>(code < 2 ? 0x00200000u << code : static_cast<uint32_t>(code - 1) << 23);
}

/// Half of an unsigned E4M3 scale (bias 7); 0x7F stands for zero, bit 7 is ignored otherwise.
inline float ue4m3_half(uint8_t code) {
  const int exponent = (code >> 3) & 15;
  const float mantissa = static_cast<float>(code & 7);
  if (code == 0x7F) return 0.0f;
  if (exponent == 0) return mantissa * 0x1p-10f;
  return std::ldexp(1.0f + mantissa / 8.0f, exponent - 8);
}

/// The nearest unsigned E4M3 code of a scale, at most 448.
inline uint8_t ue4m3_nearest(float scale) {
  if (!(scale > 0.0f)) return 0;
  if (scale >= 448.0f) return 0x7E;
  const int exponent = scale < 0x1p-6f ? -6 : std::ilogb(scale);
  const long units = std::lrint(std::ldexp(scale, 3 - exponent));  // 8..16 for normal numbers, a carry is the next code
  const long code = (exponent + 6) * 8 + units;
  return static_cast<uint8_t>(code > 0x7E ? 0x7E : code);
}

}  // namespace vivace
