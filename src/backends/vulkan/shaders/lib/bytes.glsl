// Arithmetic on the four bytes of a word.
#ifndef VIVACE_BYTES_GLSL
#define VIVACE_BYTES_GLSL

/// Bytes 0..127 minus `bias` (1..64), each as int8.
uint subtract_bytes(uint bytes, uint bias) {
  // No byte carries into the next: its sum stays below 256; the top bit is turned back afterwards.
  return (bytes + (128 - bias) * 0x01010101u) ^ 0x80808080u;
}

/// The low four bits as bit 0 of four bytes.
uint spread_bits(uint bits) { return (bits & 15u) * 0x00204081u & 0x01010101u; }

/// Four 2-bit codes of a byte, one in each byte.
uint spread_pairs(uint byte) {
  const uint pairs = (byte | byte << 12) & 0x000F000Fu;
  return (pairs | pairs << 6) & 0x03030303u;
}

/// Four 4-bit codes of 16 bits, one in each byte.
uint spread_nibbles(uint half_word) {
  const uint bytes = (half_word | half_word << 8) & 0x00FF00FFu;
  return (bytes | bytes << 4) & 0x0F0F0F0Fu;
}

/// Negates the bytes, which lie in 1..127, whose bit is set in the low four bits of `signs`.
uint negate_bytes(uint bytes, uint signs) {
  const uint ones = spread_bits(signs);
  return (bytes ^ ones * 255u) + ones;
}

/// The bytes of a 16-entry table, four to a word, that four 4-bit indices choose.
uint look_up_nibbles(uint indices, uvec4 table) {
  uint result = 0;
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    const uint index = indices >> (8 * i) & 15u;
    result |= (table[index / 4] >> (index % 4 * 8) & 255u) << (8 * i);
  }
  return result;
}

/// The values of quant/formats/codebooks.h: kIq4Values and kE2m1Doubled.
const uvec4 kIq4Table = uvec4(0xBFAD9881u, 0xF6EADDCFu, 0x26190D01u, 0x71594535u);
const uvec4 kE2m1Table = uvec4(0x03020100u, 0x0C080604u, 0xFDFEFF00u, 0xF4F8FAFCu);
#endif
