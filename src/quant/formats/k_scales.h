// The 12 packed bytes of 6-bit scales in Q4_K/Q5_K (8 scales, 8 minimums) and Q3_K (16 scales).
#pragma once

#include <cstdint>

namespace vivace {

/// Q4_K, Q5_K: byte i < 4 holds scale i below two high bits of scale i + 4, byte 4 + i the same of the minimums, and
/// byte 8 + i the low nibbles of scale i + 4 and minimum i + 4.
inline void unpack_scales_mins(const uint8_t packed[12], uint8_t scales[8], uint8_t mins[8]) {
  for (int i = 0; i < 4; ++i) {
    scales[i] = packed[i] & 63;
    mins[i] = packed[i + 4] & 63;
    scales[i + 4] = static_cast<uint8_t>((packed[i + 8] & 15) | ((packed[i] >> 6) << 4));
    mins[i + 4] = static_cast<uint8_t>((packed[i + 8] >> 4) | ((packed[i + 4] >> 6) << 4));
  }
}

inline void pack_scales_mins(const uint8_t scales[8], const uint8_t mins[8], uint8_t packed[12]) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(scales[i] | ((scales[i + 4] >> 4) << 6));
    packed[i + 4] = static_cast<uint8_t>(mins[i] | ((mins[i + 4] >> 4) << 6));
    packed[i + 8] = static_cast<uint8_t>((scales[i + 4] & 15) | ((mins[i + 4] & 15) << 4));
  }
}

/// Q3_K: scale + 32; low nibbles of scale i in byte i % 8 (upper half of it from i = 8), high bits in byte 8 + i % 4.
inline void unpack_q3_scales(const uint8_t packed[12], int8_t scales[16]) {
  for (int i = 0; i < 16; ++i) {
    const int low = (packed[i % 8] >> (4 * (i / 8))) & 15;
    const int high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
    scales[i] = static_cast<int8_t>((low | (high << 4)) - 32);
  }
}

inline void pack_q3_scales(const int8_t scales[16], uint8_t packed[12]) {
  for (int i = 0; i < 12; ++i) packed[i] = 0;
  for (int i = 0; i < 16; ++i) {
    const int code = scales[i] + 32;
    packed[i % 8] = static_cast<uint8_t>(packed[i % 8] | ((code & 15) << (4 * (i / 8))));
    packed[8 + i % 4] = static_cast<uint8_t>(packed[8 + i % 4] | ((code >> 4) << (2 * (i / 4))));
  }
}

}  // namespace vivace
