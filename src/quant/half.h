// Scalar conversions between f32 and the 16-bit floats, bit for bit as IEEE 754 and F16C do them.
#pragma once

#include <bit>
#include <cstdint>

namespace vivace {

/// binary16 to binary32, exact; a signalling NaN becomes quiet and keeps its payload.
constexpr float f16_to_f32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t mantissa = half & 0x3FFu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13) | (mantissa ? 0x400000u : 0u));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  // Zero and subnormals: mantissa units of 2^-24, normal numbers in binary32.
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f));
}

/// binary32 to binary16, to nearest, ties to even; overflow gives infinity, NaN stays a quiet NaN.
constexpr uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);  // 65520 and more
  if (magnitude <= 0x33000000u) return static_cast<uint16_t>(sign);            // up to 2^-25
  if (magnitude < 0x38800000u) {                                               // below 2^-14: units of 2^-24
    const uint32_t shift = 126 - (magnitude >> 23);
    const uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
    const uint32_t rest = significand & ((1u << shift) - 1);
    const uint32_t tie = 1u << (shift - 1);
    uint32_t units = significand >> shift;
    if (rest > tie || (rest == tie && (units & 1))) ++units;
    return static_cast<uint16_t>(sign | units);
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

/// bfloat16 to binary32, exact (the upper half of the bits).
constexpr float bf16_to_f32(uint16_t half) { return std::bit_cast<float>(static_cast<uint32_t>(half) << 16); }

/// binary32 to bfloat16, to nearest, ties to even; NaN stays a quiet NaN.
constexpr uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace vivace
