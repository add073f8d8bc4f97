// Lattice points of the IQ1, IQ2 and IQ3 formats (the grids are in iq_grids.h) and their signs.
#pragma once

#include <bit>
#include <cstdint>

namespace vivace {

inline constexpr float kIq2Levels[4] = {8, 25, 43, 0};  // code 3 does not occur in the grids
inline constexpr float kIq3XxsLevels[8] = {4, 12, 20, 28, 36, 44, 52, 62};
inline constexpr float kIq3SLevels[8] = {1, 3, 5, 7, 9, 11, 13, 15};
inline constexpr float kIq1Delta = 0.125f;

/// IQ2 and IQ3: 8 signs from 7 stored ones; the eighth makes the number of minus signs even.
constexpr uint8_t even_signs(uint32_t seven_bits) {
  return static_cast<uint8_t>(seven_bits | ((std::popcount(seven_bits) & 1u) << 7));
}

/// Eight columns: scale * level, bit j of `signs` negates column j.
inline void put_iq2_point(uint16_t point, int signs, float scale, float* out) {
  for (int j = 0; j < 8; ++j) {
    const float value = scale * kIq2Levels[(point >> (2 * j)) & 3];
    out[j] = (signs >> j) & 1 ? -value : value;
  }
}

/// Four columns: scale * level, bit j of `signs` negates column j.
inline void put_iq3_point(uint16_t point, const float (&levels)[8], int signs, float scale, float* out) {
  for (int j = 0; j < 4; ++j) {
    const float value = scale * levels[(point >> (4 * j)) & 7];
    out[j] = (signs >> j) & 1 ? -value : value;
  }
}

/// Eight columns: scale * (-1, 0 or 1, plus the group's shift).
inline void put_iq1_point(uint16_t point, float shift, float scale, float* out) {
  for (int j = 0; j < 8; ++j) out[j] = scale * (static_cast<float>(((point >> (2 * j)) & 3) - 1) + shift);
}

}  // namespace vivace
