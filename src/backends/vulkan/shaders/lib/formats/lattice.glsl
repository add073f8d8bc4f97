// The IQ1, IQ2 and IQ3 formats: four or eight columns are a point of a grid. The grids of quant/formats/iq_grids.h lie
// one after the other at `p.tables`, as lattice_tables() puts them there.
const uint kBlockColumns = 256;
const uint kIq1Begin = 0, kIq2XxsBegin = 2048, kIq2XsBegin = 2304, kIq2SBegin = 2816, kIq3XxsBegin = 3840,
           kIq3SBegin = 4096;

uint point_of(uint begin, uint index) { return uint(Halves(p.tables).at[begin + index]); }

/// Eight signs from seven stored ones: the eighth makes the number of minus signs even.
uint even_sign_bits(uint seven_bits) { return seven_bits | (uint(bitCount(seven_bits)) & 1u) << 7; }

#if defined(FORMAT_iq1_s) || defined(FORMAT_iq1_m)
/// Columns 4 * upper.. of a point of 8, in eighths: 8 * (-1, 0 or 1) + 1 or - 1.
uint iq1_codes(uint point, uint upper, bool negative_shift) {
  return subtract_bytes(spread_pairs(point >> (upper * 8) & 255u) << 3, negative_shift ? 9 : 7);
}
#elif defined(FORMAT_iq2_xxs) || defined(FORMAT_iq2_xs) || defined(FORMAT_iq2_s)
/// Columns 4 * upper.. of a point of 8: levels 8, 25, 43.
uint iq2_codes(uint point, uint upper, uint signs) {
  const uint levels = spread_pairs(point >> (upper * 8) & 255u);
  return negate_bytes(0x08080808u + levels * 17u + (levels >> 1 & 0x01010101u), signs >> (upper * 4));
}
#endif

#if defined(FORMAT_iq1_s)
const uint kBlockBytes = 50;
uint codes(uint64_t block, uint group, uint quad) {
  const uint bits = load_half_bits(block + 34 + 2 * group);
  const uint index = load_byte(block + 2 + 4 * group + quad / 2) | (bits >> (quad / 2 * 3) & 7u) << 8;
  return iq1_codes(point_of(kIq1Begin, index), quad % 2, (bits & 0x8000u) != 0);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint scale = load_half_bits(block + 34 + 2 * group) >> 12 & 7u;
  return vec2(load_half(block) * float(2 * scale + 1) * 0.125, 0);
}

#elif defined(FORMAT_iq1_m)
const uint kBlockBytes = 56;
uint codes(uint64_t block, uint group, uint quad) {
  const uint i = 4 * group + quad / 2, high = load_byte(block + 32 + i / 2) >> (i % 2 * 4) & 15u;
  return iq1_codes(point_of(kIq1Begin, load_byte(block + i) | (high & 7u) << 8), quad % 2, (high & 8u) != 0);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  const uint low = load_word(block + 48), high = load_word(block + 52);
  const uint d = (low >> 12 & 0x000Fu) | (low >> 24 & 0x00F0u) | (high >> 4 & 0x0F00u) | (high >> 16 & 0xF000u);
  const uint index = 2 * group + half_group;
  const uint code = (index < 8 ? low : high) >> (index / 4 % 2 * 16 + index % 4 * 3) & 7u;
  return vec2(half_to_float(d) * float(2 * code + 1) * 0.125, 0);
}

#elif defined(FORMAT_iq2_xxs)
const uint kBlockBytes = 66;
uint codes(uint64_t block, uint group, uint quad) {
  const uint64_t bytes = block + 2 + 8 * group;
  const uint signs = even_sign_bits(load_word_of_halves(bytes + 4) >> (quad / 2 * 7) & 127u);
  return iq2_codes(point_of(kIq2XxsBegin, load_byte(bytes + quad / 2)), quad % 2, signs);
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  return vec2(load_half(block) * (0.5 + float(load_word_of_halves(block + 6 + 8 * group) >> 28)) * 0.25, 0);
}

#elif defined(FORMAT_iq2_xs)
const uint kBlockBytes = 74;
uint codes(uint64_t block, uint group, uint quad) {
  const uint packed = load_half_bits(block + 2 + 2 * (4 * group + quad / 2));
  return iq2_codes(point_of(kIq2XsBegin, packed & 511u), quad % 2, even_sign_bits(packed >> 9));
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  return vec2(load_half(block) * (0.5 + float(load_byte(block + 66 + group) >> (half_group * 4) & 15u)) * 0.25, 0);
}

#elif defined(FORMAT_iq2_s)
const uint kBlockBytes = 82;
uint codes(uint64_t block, uint group, uint quad) {
  const uint i = 4 * group + quad / 2;
  const uint index = load_byte(block + 2 + i) | (load_byte(block + 66 + group) >> (quad / 2 * 2) & 3u) << 8;
  return iq2_codes(point_of(kIq2SBegin, index), quad % 2, load_byte(block + 34 + i));
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  return vec2(load_half(block) * (0.5 + float(load_byte(block + 74 + group) >> (half_group * 4) & 15u)) * 0.25, 0);
}

#elif defined(FORMAT_iq3_xxs)
const uint kBlockBytes = 98;
uint codes(uint64_t block, uint group, uint quad) {
  const uint levels = spread_nibbles(point_of(kIq3XxsBegin, load_byte(block + 2 + 8 * group + quad)));
  const uint signs = even_sign_bits(load_word_of_halves(block + 66 + 4 * group) >> (quad / 2 * 7) & 127u);
  // 4 + 8 * level, and 62 instead of 60 for level 7.
  const uint seven = levels & levels >> 1 & levels >> 2 & 0x01010101u;
  return negate_bytes(0x04040404u + levels * 8u + seven * 2u, signs >> (quad % 2 * 4));
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  return vec2(load_half(block) * (0.5 + float(load_word_of_halves(block + 66 + 4 * group) >> 28)) * 0.5, 0);
}

#elif defined(FORMAT_iq3_s)
const uint kBlockBytes = 110;
uint codes(uint64_t block, uint group, uint quad) {
  const uint index = load_byte(block + 2 + 8 * group + quad) | (load_byte(block + 66 + group) >> quad & 1u) << 8;
  const uint levels = spread_nibbles(point_of(kIq3SBegin, index));
  return negate_bytes(levels * 2u + 0x01010101u, load_byte(block + 74 + 4 * group + quad / 2) >> (quad % 2 * 4));
}
vec2 affine(uint64_t block, uint group, uint half_group) {
  return vec2(load_half(block) * float(1 + 2 * (load_byte(block + 106 + group / 2) >> (group % 2 * 4) & 15u)), 0);
}
#endif
