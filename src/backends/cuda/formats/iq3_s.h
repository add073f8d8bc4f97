// IQ3_S: groups of 32, x = d * (1 + 2 * scale) * grid * sign. The grid index of columns 4i.. is qs[i] plus bit i % 8 of
// qh[i / 8]; column c has sign bit c % 8 of signs[c / 8]; scale g is nibble g % 2 of scales[g / 2].
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<512> kIq3SPoints = make_grid(kIq3SGrid);

struct UnpackIQ3_S {
  static constexpr Format kFormat = Format::kIQ3_S;
  static constexpr int kBlockColumns = 256, kBlockBytes = 110, kAlign = 2, kScaleColumns = 32;
  static constexpr bool kHasOffset = false, kHalfBlocks = false;

  static VIVACE_DEVICE int codes(const uint8_t* block, int group, int quad) {
    const int index = block[2 + 8 * group + quad] | (block[66 + group] >> quad & 1) << 8;
    const uint32_t levels = spread_nibbles(kIq3SPoints.points[index]);
    return negate_bytes(levels * 2u + 0x01010101u, block[74 + 4 * group + quad / 2] >> (quad % 2 * 4));
  }
  static VIVACE_DEVICE Affine affine(const uint8_t* block, int group, int /*half*/) {
    const int scale = block[106 + group / 2] >> (group % 2 * 4) & 15;
    return {load_half(block) * static_cast<float>(1 + 2 * scale), 0};
  }
};

}  // namespace vivace::cuda
