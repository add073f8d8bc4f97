// Formats with a scale for each block of 32 columns, or of 16 (NVFP4); byte i of the codes holds columns i and 16 + i.
#if defined(FORMAT_q4_0)
const uint kBlockColumns = 32, kBlockBytes = 18;
uint codes(uint64_t block, uint group, uint quad) {
  return subtract_bytes(load_word_of_halves(block + 2 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu, 8);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_q4_1)
const uint kBlockColumns = 32, kBlockBytes = 20;
uint codes(uint64_t block, uint group, uint quad) {
  return load_word(block + 4 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu;
}
vec2 affine(uint64_t block, uint group, uint half_group) { return unpackHalf2x16(load_word(block)); }

#elif defined(FORMAT_q5_0)
const uint kBlockColumns = 32, kBlockBytes = 22;
uint codes(uint64_t block, uint group, uint quad) {
  const uint low = load_word_of_halves(block + 6 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu;
  return subtract_bytes(low | spread_bits(load_word_of_halves(block + 2) >> (4 * quad)) << 4, 16);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_q5_1)
const uint kBlockColumns = 32, kBlockBytes = 24;
uint codes(uint64_t block, uint group, uint quad) {
  const uint low = load_word(block + 8 + quad % 4 * 4) >> (quad / 4 * 4) & 0x0F0F0F0Fu;
  return low | spread_bits(load_word(block + 4) >> (4 * quad)) << 4;
}
vec2 affine(uint64_t block, uint group, uint half_group) { return unpackHalf2x16(load_word(block)); }

#elif defined(FORMAT_q8_0)
const uint kBlockColumns = 32, kBlockBytes = 34;
uint codes(uint64_t block, uint group, uint quad) { return load_word_of_halves(block + 2 + quad * 4); }
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_iq4_nl)
const uint kBlockColumns = 32, kBlockBytes = 18;
uint codes(uint64_t block, uint group, uint quad) {
  return look_up_nibbles(load_word_of_halves(block + 2 + quad % 4 * 4) >> (quad / 4 * 4), kIq4Table);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_mxfp4)
// x = 2^(e - 128) * twice the E2M1 value; blocks lie anywhere.
const uint kBlockColumns = 32, kBlockBytes = 17;
uint codes(uint64_t block, uint group, uint quad) {
  return look_up_nibbles(load_word_of_bytes(block + 1 + quad % 4 * 4) >> (quad / 4 * 4), kE2m1Table);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint code = load_byte(block);
  return vec2(uintBitsToFloat(code < 2 ? 0x00200000u << code : (code - 1) << 23), 0);
}

#elif defined(FORMAT_nvfp4)
// x = E4M3 scale / 2 * twice the E2M1 value; byte i of a half group's 8 holds columns i and 8 + i.
const uint kBlockColumns = 64, kBlockBytes = 36;
uint codes(uint64_t block, uint group, uint quad) {
  const uint word = load_word(block + 4 + group * 16 + quad / 4 * 8 + quad % 2 * 4);
  return look_up_nibbles(word >> (quad / 2 % 2 * 4), kE2m1Table);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint code = load_byte(block + 2 * group + half_group), exponent = code >> 3 & 15u;
  if (code == 0x7Fu) return vec2(0);
  if (exponent == 0) return vec2(float(code & 7u) * 0.0009765625, 0);
  return vec2(uintBitsToFloat((exponent + 119) << 23 | (code & 7u) << 20), 0);
}
#endif
