// Weights of the format that the shader is compiled for, as the file holds them. A value is scale * code + offset, as
// quant/formats/<format>.h decodes it.
#ifndef VIVACE_WEIGHTS_GLSL
#define VIVACE_WEIGHTS_GLSL

uint load_byte(uint64_t address) { return uint(Bytes(address).at[0]); }
uint load_half_bits(uint64_t address) { return uint(Halves(address).at[0]); }
float load_half(uint64_t address) { return half_to_float(load_half_bits(address)); }
uint load_word(uint64_t address) { return Words(address).at[0]; }
/// A little-endian word at an even address.
uint load_word_of_halves(uint64_t address) {
  return load_half_bits(address) | load_half_bits(address + 2) << 16;
}
/// A little-endian word anywhere.
uint load_word_of_bytes(uint64_t address) {
  return load_byte(address) | load_byte(address + 1) << 8 | load_byte(address + 2) << 16 | load_byte(address + 3) << 24;
}

#if defined(FORMAT_f32) || defined(FORMAT_f16) || defined(FORMAT_bf16)
#include "formats/floats.glsl"
#else
// A file of formats/ has
//   kBlockColumns, kBlockBytes     the block; columns come in groups of 32
//   codes(block, group, quad)      the int8 codes of columns 4 * quad.. of a group, the first in the low byte
//   affine(block, group, half)     scale and offset of columns 16 * half.. of a group
// and may read the grids at `p.tables`, an uint64_t of the push constants.
#include "lib/bytes.glsl"
#if defined(FORMAT_q4_k) || defined(FORMAT_q5_k) || defined(FORMAT_q2_k) || defined(FORMAT_q3_k) || \
    defined(FORMAT_q6_k) || defined(FORMAT_iq4_xs)
#include "formats/k_quants.glsl"
#elif defined(FORMAT_tq1_0) || defined(FORMAT_tq2_0) || defined(FORMAT_q1_0) || defined(FORMAT_q2_0)
#include "formats/few_bits.glsl"
#elif defined(FORMAT_iq1_s) || defined(FORMAT_iq1_m) || defined(FORMAT_iq2_xxs) || defined(FORMAT_iq2_xs) || \
    defined(FORMAT_iq2_s) || defined(FORMAT_iq3_xxs) || defined(FORMAT_iq3_s)
#include "formats/lattice.glsl"
#else
#include "formats/small_blocks.glsl"
#endif

const bool kHasTails = false;  // rows are whole blocks

uint64_t block_of(uint64_t row, uint column) { return row + uint64_t(column / kBlockColumns) * kBlockBytes; }

float code_of(uint four, uint i) { return float(int(four << (24 - 8 * i)) >> 24); }

/// One column of a row.
float load_weight(uint64_t row, uint column) {
  const uint64_t block = block_of(row, column);
  const uint within = column % kBlockColumns;
  const vec2 scale_offset = affine(block, within / 32, within % 32 / 16);
  // Rounded twice, as the scalar decoder does.
  precise const float scaled = scale_offset.x * code_of(codes(block, within / 32, within % 32 / 4), within % 4);
  precise const float value = scaled + scale_offset.y;
  return value;
}

/// Columns 16 * unit.. of a row.
void load_unit(uint64_t row, uint unit, out float values[16]) {
  const uint64_t block = block_of(row, unit * 16);
  const uint within = unit * 16 % kBlockColumns, group = within / 32, half_group = within % 32 / 16;
  const vec2 scale_offset = affine(block, group, half_group);
  [[unroll]] for (uint quad = 0; quad < 4; ++quad) {
    const uint four = codes(block, group, half_group * 4 + quad);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      values[quad * 4 + i] = fma(scale_offset.x, code_of(four, i), scale_offset.y);
    }
  }
}
#endif
#endif
