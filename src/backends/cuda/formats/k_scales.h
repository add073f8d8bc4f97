// The 6-bit scales and minimums of Q4_K and Q5_K: byte i < 4 holds scale i below two high bits of scale i + 4, byte
// 4 + i the same of the minimums, byte 8 + i the low nibbles of scale i + 4 and minimum i + 4.
#pragma once

#include "backends/cuda/formats/bytes.h"

namespace vivace::cuda {

/// Scale and offset of a 32-column group; the block begins with d, dmin and the packed scales and is aligned to 16.
VIVACE_DEVICE Affine k_affine(const uint8_t* block, int group) {
  const uint4 head = *reinterpret_cast<const uint4*>(block);
  const int shift = group % 4 * 8;
  uint32_t scale = head.y >> shift & 255, min = head.z >> shift & 255;
  const uint32_t low = head.w >> shift & 255;
  if (group < 4) {
    scale &= 63;
    min &= 63;
  } else {
    scale = (low & 15) | scale >> 6 << 4;
    min = low >> 4 | min >> 6 << 4;
  }
  const float d = half_to_float(static_cast<uint16_t>(head.x)),
              dmin = half_to_float(static_cast<uint16_t>(head.x >> 16));
  return {d * static_cast<float>(scale), -(dmin * static_cast<float>(min))};
}

/// Scales and offsets of the first or the second four groups.
VIVACE_DEVICE void k_affines(const uint8_t* block, int half, Affine (&out)[4]) {
  const uint4 head = *reinterpret_cast<const uint4*>(block);
  const uint32_t upper_scales = (head.w & 0x0F0F0F0Fu) | (head.y >> 2 & 0x30303030u);
  const uint32_t upper_mins = (head.w >> 4 & 0x0F0F0F0Fu) | (head.z >> 2 & 0x30303030u);
  const uint32_t scales = half ? upper_scales : head.y & 0x3F3F3F3Fu, mins = half ? upper_mins : head.z & 0x3F3F3F3Fu;
  const float d = half_to_float(static_cast<uint16_t>(head.x));
  const float dmin = -half_to_float(static_cast<uint16_t>(head.x >> 16));
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out[i] = {scaled_byte(scales, i, d, -0x1p23f * d), scaled_byte(mins, i, dmin, -0x1p23f * dmin)};
  }
}

}  // namespace vivace::cuda
