// Blocks of 256 columns with a scale, or a scale and a minimum, for each group of 32 or 16.
const uint kBlockColumns = 256;

#if defined(FORMAT_q4_k) || defined(FORMAT_q5_k)
/// d, dmin and the 6-bit scales and minimums: byte i < 4 holds scale i below two high bits of scale i + 4, byte 4 + i
/// the same of the minimums, byte 8 + i the low nibbles of scale i + 4 and minimum i + 4.
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint shift = group % 4 * 8;
  uint scale = load_word(block + 4) >> shift & 255u, least = load_word(block + 8) >> shift & 255u;
  if (group < 4) {
    scale &= 63u;
    least &= 63u;
  } else {
    const uint low = load_word(block + 12) >> shift & 255u;
    scale = (low & 15u) | scale >> 6 << 4;
    least = low >> 4 | least >> 6 << 4;
  }
  const vec2 head = unpackHalf2x16(load_word(block));
  precise const vec2 both = head * vec2(scale, least);
  return vec2(both.x, -both.y);
}
#endif

#if defined(FORMAT_q4_k)
const uint kBlockBytes = 144;
uint codes(uint64_t block, uint group, uint quad) {
  return load_word(block + 16 + group / 2 * 32 + quad * 4) >> (group % 2 * 4) & 0x0F0F0F0Fu;
}

#elif defined(FORMAT_q5_k)
const uint kBlockBytes = 176;
uint codes(uint64_t block, uint group, uint quad) {
  const uint low = load_word(block + 48 + group / 2 * 32 + quad * 4) >> (group % 2 * 4) & 0x0F0F0F0Fu;
  return low | (load_word(block + 16 + quad * 4) >> group & 0x01010101u) << 4;
}

#elif defined(FORMAT_q2_k)
const uint kBlockBytes = 84;
uint codes(uint64_t block, uint group, uint quad) {
  return load_word(block + 16 + group / 4 * 32 + quad * 4) >> (group % 4 * 2) & 0x03030303u;
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint packed = load_byte(block + 2 * group + half_group);
  precise const vec2 both = unpackHalf2x16(load_word(block + 80)) * vec2(packed & 15u, packed >> 4);
  return vec2(both.x, -both.y);
}

#elif defined(FORMAT_q3_k)
const uint kBlockBytes = 110;
uint codes(uint64_t block, uint group, uint quad) {
  const uint low = load_word_of_halves(block + 32 + group / 4 * 32 + quad * 4) >> (group % 4 * 2) & 0x03030303u;
  const uint high = load_word_of_halves(block + quad * 4) >> group & 0x01010101u;
  return subtract_bytes(low | high << 2, 4);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint index = 2 * group + half_group;
  const uint low = load_byte(block + 96 + index % 8) >> (index / 8 * 4) & 15u;
  const uint high = load_byte(block + 104 + index % 4) >> (index / 4 * 2) & 3u;
  return vec2(load_half(block + 108) * float(int(low | high << 4) - 32), 0);
}

#elif defined(FORMAT_q6_k)
const uint kBlockBytes = 210;
uint codes(uint64_t block, uint group, uint quad) {
  const uint low = load_word_of_halves(block + group / 4 * 64 + group % 2 * 32 + quad * 4);
  const uint high = load_word_of_halves(block + 128 + group / 4 * 32 + quad * 4);
  return subtract_bytes(
      (low >> (group / 2 % 2 * 4) & 0x0F0F0F0Fu) | (high >> (group % 4 * 2) & 0x03030303u) << 4, 32);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const int scale = int(load_byte(block + 192 + 2 * group + half_group) << 24) >> 24;
  return vec2(load_half(block + 208) * float(scale), 0);
}

#elif defined(FORMAT_iq4_xs)
const uint kBlockBytes = 136;
uint codes(uint64_t block, uint group, uint quad) {
  return look_up_nibbles(load_word(block + 8 + group * 16 + quad % 4 * 4) >> (quad / 4 * 4), kIq4Table);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint head = load_word(block), low = load_word(block + 4) >> (4 * group) & 15u;
  return vec2(half_to_float(head & 0xFFFFu) * float(int(low | (head >> (16 + 2 * group) & 3u) << 4) - 32), 0);
}
#endif
