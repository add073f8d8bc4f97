// What the unpackers of the weight formats share: words at the alignment that a format's blocks have, arithmetic on
// four bytes at once, and the value of a group's codes.
//
// A format's unpacker is a struct with
//   kFormat, kBlockColumns, kBlockBytes, kAlign  the block; kAlign is what every block of a row is aligned to
//   kScaleColumns      32 or 16: how many columns share a scale
//   kHasOffset         whether values have an offset (minimums); else Affine::offset is 0
//   codes(block, group, quad)   the int8 codes of columns 4 * quad.. of the 32-column group, the first in the low byte
//   kHalfBlocks        whether affines(block, half, out) gives the scales of half a block of 256 columns at once
//   affine(block, group, half)  scale and offset of columns 16 * half.. of the group (of all 32 with kScaleColumns 32)
// so that a value is scale * code + offset, exactly as quant/formats/<format>.h decodes it.
#pragma once

#include <cstdint>

#include "backends/cuda/device_math.h"
#include "quant/formats.h"

namespace vivace::cuda {

struct Affine {
  float scale, offset;
};

/// The little-endian word at p, which is aligned to kAlign bytes.
template <int kAlign>
VIVACE_DEVICE uint32_t load_word(const uint8_t* p) {
  if constexpr (kAlign % 4 == 0) {
    return *reinterpret_cast<const uint32_t*>(p);
  } else if constexpr (kAlign % 2 == 0) {
    const uint16_t* halves = reinterpret_cast<const uint16_t*>(p);
    return halves[0] | static_cast<uint32_t>(halves[1]) << 16;
  } else {
    return p[0] | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 |
           static_cast<uint32_t>(p[3]) << 24;
  }
}

/// The f16 at p (2-byte aligned).
VIVACE_DEVICE float load_half(const uint8_t* p) { return half_to_float(*reinterpret_cast<const uint16_t*>(p)); }

/// Bytes 0..127 minus kBias (1..64), each as int8.
template <int kBias>
VIVACE_DEVICE int subtract_bytes(uint32_t bytes) {
  // No byte carries into the next: its sum stays below 256; the top bit is turned back afterwards.
  constexpr uint32_t kAdd = (128u - kBias) * 0x01010101u;
  return static_cast<int>((bytes + kAdd) ^ 0x80808080u);
}

/// The low four bits as bit 0 of four bytes.
VIVACE_DEVICE uint32_t spread_bits(uint32_t bits) { return (bits & 15) * 0x00204081u & 0x01010101u; }

/// Four 2-bit codes of a byte, one in each byte.
VIVACE_DEVICE uint32_t spread_pairs(uint32_t byte) {
  const uint32_t pairs = (byte | byte << 12) & 0x000F000Fu;
  return (pairs | pairs << 6) & 0x03030303u;
}

/// Negates the bytes whose bit is set in the low four bits of `signs`.
VIVACE_DEVICE int negate_bytes(uint32_t bytes, uint32_t signs) {
  const uint32_t ones = spread_bits(signs);
  const uint32_t mask = ones * 255u;
  // Magnitudes are below 128, and a zero byte never has its sign set by the grids: no byte overflows.
  return static_cast<int>((bytes ^ mask) + ones);
}

/// The bytes of a 16-entry table that four 4-bit indices (one in each byte) choose; the table lies in four words.
VIVACE_DEVICE int look_up_nibbles(uint32_t indices, const uint32_t (&table)[4]) {
  // Byte selectors sit in neighbouring nibbles.
  const uint32_t packed = indices | indices >> 4;
  const uint32_t nibbles = byte_permute(packed, 0, 0x4420);
  const uint32_t selector = nibbles & 0x7777;
  const uint32_t low = byte_permute(table[0], table[1], selector), high = byte_permute(table[2], table[3], selector);
  const uint32_t take_high = (indices >> 3 & 0x01010101u) * 255u;
  return static_cast<int>((low & ~take_high) | (high & take_high));
}

/// scale * byte i of the word, rounded once; `start` is -2^23 * scale. Integers need no conversion: a byte below this
/// exponent reads as 2^23 + byte.
VIVACE_DEVICE float scaled_byte(uint32_t bytes, int i, float scale, float start) {
  return fmaf(bits_to_float(byte_permute(bytes, 0x4B000000u, 0x7550u + static_cast<uint32_t>(i))), scale, start);
}

/// Value of one column of a row in the file's order: what embed reads.
template <class Unpacker>
VIVACE_DEVICE float load_weight(const uint8_t* row, int64_t column) {
  const uint8_t* block = row + column / Unpacker::kBlockColumns * Unpacker::kBlockBytes;
  const int within = static_cast<int>(column % Unpacker::kBlockColumns);
  const int codes = Unpacker::codes(block, within / 32, within % 32 / 4);
  const Affine affine = Unpacker::affine(block, within / 32, within % 32 / 16);
  const float code = static_cast<float>(static_cast<int8_t>(codes >> (within % 4 * 8)));
  // Rounded twice as the scalar decoder does.
  return add_rounded(multiply_rounded(affine.scale, code), affine.offset);
}

}  // namespace vivace::cuda
