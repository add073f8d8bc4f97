// Formats of two or three values: x = d * code.
#if defined(FORMAT_q1_0)
const uint kBlockColumns = 128, kBlockBytes = 18;
uint codes(uint64_t block, uint group, uint quad) {
  const uint bits = load_byte(block + 2 + group * 4 + quad / 2) >> (quad % 2 * 4);
  return subtract_bytes(spread_bits(bits) << 1, 1);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_q2_0)
const uint kBlockColumns = 64, kBlockBytes = 18;
uint codes(uint64_t block, uint group, uint quad) {
  return subtract_bytes(spread_pairs(load_byte(block + 2 + group * 8 + quad)), 1);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block), 0); }

#elif defined(FORMAT_tq1_0)
const uint kBlockColumns = 256, kBlockBytes = 54;
const uint kPowers[5] = uint[](1, 3, 9, 27, 81);
uint codes(uint64_t block, uint group, uint quad) {
  uint byte, digit;  // of the first column; the other three are the next bytes
  if (group < 5) {
    byte = quad * 4, digit = group;
  } else if (group < 7 || quad < 4) {
    const uint column = group * 32 + quad * 4 - 160;
    byte = 32 + column % 16, digit = column / 16;
  } else {
    byte = 48, digit = quad - 4;
  }
  const uint fractions = load_word_of_halves(block + byte), power = kPowers[digit];
  // Even and odd bytes apart in 16-bit lanes; the digit is the high byte of 3 * (fraction * 3^digit mod 256).
  const uint even = ((fractions & 0x00FF00FFu) * power & 0x00FF00FFu) * 3;
  const uint odd = ((fractions >> 8 & 0x00FF00FFu) * power & 0x00FF00FFu) * 3;
  return subtract_bytes((even >> 8 & 0x00FF00FFu) | (odd & 0xFF00FF00u), 1);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block + 52), 0); }

#elif defined(FORMAT_tq2_0)
const uint kBlockColumns = 256, kBlockBytes = 66;
uint codes(uint64_t block, uint group, uint quad) {
  const uint word = load_word_of_halves(block + group / 4 * 32 + quad * 4);
  return subtract_bytes(word >> (group % 4 * 2) & 0x03030303u, 1);
}
vec2 affine(uint64_t block, uint group, uint half_group) { return vec2(load_half(block + 64), 0); }
#endif
