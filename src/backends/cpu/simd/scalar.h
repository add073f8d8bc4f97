// Sixteen lanes in plain C++: the twin that every other shim of this folder must agree with, and its documentation.
// A shim gives F32x16, I32x16 and the functions below, whatever the register width; kernels are written over them once.
#pragma once

#include <cstddef>
#include <cstdint>

#define VIVACE_SIMD static inline
#define VIVACE_UNROLL

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "scalar";

// Tokens that small batches take in one pass, tokens and panels of a tile for larger ones.
constexpr int kSingleTokens = 2, kTileTokens = 2, kTilePanels = 1;
// Rows and tokens of an f32 tile.
constexpr int kFloatRows = 1, kFloatTokens = 2;
// Query rows and vectors of a tile of attention: of scores (1 or 2 vectors of positions) and of value sums.
constexpr int kScoreRows = 2, kScoreVectors = 1, kValueRows = 2, kValueVectors = 1;
// True: dot() multiplies signed weights as they are; false: it wants unsigned ones (the core adds 128).
constexpr bool kSignedDot = true;

struct F32x16 {
  float v[16];
};
struct I32x16 {
  int32_t v[16];
};

namespace scalar {
template <class To, class From>
VIVACE_SIMD To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(to));
  return to;
}
// Half floats by integer arithmetic (IEEE 754); the conversions of the hardware shims give the same bits.
VIVACE_SIMD float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7FFFu;
  if (magnitude >= 0x7C00u) return bits<float>(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
  if (magnitude >= 0x400u) return bits<float>(sign | ((magnitude << 13) + 0x38000000u));
  return bits<float>(sign | bits<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f));
}
VIVACE_SIMD uint16_t to_half(float value) {
  const uint32_t all = bits<uint32_t>(value);
  const uint32_t sign = (all >> 16) & 0x8000u, magnitude = all & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);
  if (magnitude < 0x38800000u) {
    // Adding 0.5 rounds to units of 2^-24, to nearest even, in the low bits of the sum.
    return static_cast<uint16_t>(sign | (bits<uint32_t>(bits<float>(magnitude) + 0.5f) - 0x3F000000u));
  }
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13));
}
}  // namespace scalar

// Applies an expression of the lane `i` to all lanes.
#define VIVACE_LANES(Type, expression)                     \
  Type result;                                             \
  for (int i = 0; i < 16; ++i) result.v[i] = (expression); \
  return result

// --- floats
VIVACE_SIMD F32x16 zero_f32() { VIVACE_LANES(F32x16, 0.0f); }
VIVACE_SIMD F32x16 set_f32(float x) { VIVACE_LANES(F32x16, x); }
VIVACE_SIMD F32x16 load_f32(const float* p) { VIVACE_LANES(F32x16, p[i]); }
/// The first `count` (0..16) lanes; the others are 0 and are not read.
VIVACE_SIMD F32x16 load_part_f32(const float* p, int count) { VIVACE_LANES(F32x16, i < count ? p[i] : 0.0f); }
VIVACE_SIMD void store_f32(float* p, F32x16 a) {
  for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
VIVACE_SIMD void store_part_f32(float* p, F32x16 a, int count) {
  for (int i = 0; i < count; ++i) p[i] = a.v[i];
}
VIVACE_SIMD F32x16 add(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] + b.v[i]); }
VIVACE_SIMD F32x16 sub(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] - b.v[i]); }
VIVACE_SIMD F32x16 mul(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] * b.v[i]); }
VIVACE_SIMD F32x16 div(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] / b.v[i]); }
/// a * b + c, one rounding where the hardware has it (here two).
VIVACE_SIMD F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { VIVACE_LANES(F32x16, a.v[i] * b.v[i] + c.v[i]); }
VIVACE_SIMD F32x16 max(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
VIVACE_SIMD F32x16 min(F32x16 a, F32x16 b) { VIVACE_LANES(F32x16, a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
VIVACE_SIMD F32x16 abs(F32x16 a) { VIVACE_LANES(F32x16, a.v[i] < 0 ? -a.v[i] : a.v[i]); }
/// Lane by lane a > b ? x : y.
VIVACE_SIMD F32x16 select_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  VIVACE_LANES(F32x16, a.v[i] > b.v[i] ? x.v[i] : y.v[i]);
}
/// Sum and largest of all lanes, always by the tree (8 apart, 4, 2, 1).
VIVACE_SIMD float reduce_add(F32x16 a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.v[i] += a.v[i + half];
  }
  return a.v[0];
}
/// Lanes 0 and 1 exchanged, 2 and 3, ...
VIVACE_SIMD F32x16 swap_pairs(F32x16 a) { VIVACE_LANES(F32x16, a.v[i ^ 1]); }
VIVACE_SIMD float reduce_max(F32x16 a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
  }
  return a.v[0];
}
/// Sixteen half or bfloat16 values, unaligned.
VIVACE_SIMD F32x16 load_f16(const void* p) {
  uint16_t half[16];
  __builtin_memcpy(half, p, sizeof(half));
  VIVACE_LANES(F32x16, scalar::from_half(half[i]));
}
/// One half in all lanes, unaligned.
VIVACE_SIMD F32x16 set_f16(const void* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, sizeof(half));
  return set_f32(scalar::from_half(half));
}
VIVACE_SIMD F32x16 load_bf16(const void* p) {
  uint16_t half[16];
  __builtin_memcpy(half, p, sizeof(half));
  VIVACE_LANES(F32x16, scalar::bits<float>(static_cast<uint32_t>(half[i]) << 16));
}
/// Thirty-two half values, unaligned, of which every second one goes to `even`.
VIVACE_SIMD void load_f16_pairs(const void* p, F32x16& even, F32x16& odd) {
  uint16_t half[32];
  __builtin_memcpy(half, p, sizeof(half));
  for (int i = 0; i < 16; ++i) {
    even.v[i] = scalar::from_half(half[2 * i]);
    odd.v[i] = scalar::from_half(half[2 * i + 1]);
  }
}
/// Rounds to half, to nearest even.
VIVACE_SIMD void store_f16(void* p, F32x16 a) {
  uint16_t half[16];
  for (int i = 0; i < 16; ++i) half[i] = scalar::to_half(a.v[i]);
  __builtin_memcpy(p, half, sizeof(half));
}

// --- integers
VIVACE_SIMD I32x16 zero_i32() { VIVACE_LANES(I32x16, 0); }
VIVACE_SIMD I32x16 set_i32(int32_t x) { VIVACE_LANES(I32x16, x); }
VIVACE_SIMD I32x16 load_i32(const void* p) {
  I32x16 result;
  __builtin_memcpy(result.v, p, sizeof(result.v));
  return result;
}
/// Sixteen signed or unsigned bytes, widened.
VIVACE_SIMD I32x16 load_i8(const void* p) { VIVACE_LANES(I32x16, static_cast<const int8_t*>(p)[i]); }
VIVACE_SIMD I32x16 load_u8(const void* p) { VIVACE_LANES(I32x16, static_cast<const uint8_t*>(p)[i]); }
/// Thirty-two signed or unsigned bytes, widened to pairs of int16.
VIVACE_SIMD I32x16 load_i8_pairs(const void* p) {
  const int8_t* bytes = static_cast<const int8_t*>(p);
  VIVACE_LANES(I32x16, static_cast<int32_t>((static_cast<uint32_t>(bytes[2 * i]) & 0xFFFFu) |
                                            static_cast<uint32_t>(bytes[2 * i + 1]) << 16));
}
VIVACE_SIMD I32x16 load_u8_pairs(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_LANES(I32x16, bytes[2 * i] | bytes[2 * i + 1] << 16);
}
VIVACE_SIMD I32x16 load_u16(const void* p) {
  uint16_t half[16];
  __builtin_memcpy(half, p, sizeof(half));
  VIVACE_LANES(I32x16, half[i]);
}
/// The low byte of each lane, 16 bytes.
VIVACE_SIMD void store_i8(void* p, I32x16 a) {
  for (int i = 0; i < 16; ++i) static_cast<int8_t*>(p)[i] = static_cast<int8_t>(a.v[i]);
}
/// Wraps around, as vector units do; only rows with NaN or infinity come so far.
VIVACE_SIMD int32_t wrapping_add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
VIVACE_SIMD I32x16 add(I32x16 a, I32x16 b) { VIVACE_LANES(I32x16, wrapping_add(a.v[i], b.v[i])); }
VIVACE_SIMD I32x16 mul(I32x16 a, I32x16 b) {
  VIVACE_LANES(I32x16, static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) * static_cast<uint32_t>(b.v[i])));
}
VIVACE_SIMD I32x16 and_(I32x16 a, I32x16 b) { VIVACE_LANES(I32x16, a.v[i] & b.v[i]); }
VIVACE_SIMD I32x16 or_(I32x16 a, I32x16 b) { VIVACE_LANES(I32x16, a.v[i] | b.v[i]); }
VIVACE_SIMD I32x16 xor_(I32x16 a, I32x16 b) { VIVACE_LANES(I32x16, a.v[i] ^ b.v[i]); }
template <int kBits>
VIVACE_SIMD I32x16 shl(I32x16 a) {
  VIVACE_LANES(I32x16, static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) << kBits));
}
/// Zeros come in from the left.
template <int kBits>
VIVACE_SIMD I32x16 shr(I32x16 a) {
  VIVACE_LANES(I32x16, static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) >> kBits));
}
/// The sign comes in from the left.
template <int kBits>
VIVACE_SIMD I32x16 sar(I32x16 a) {
  VIVACE_LANES(I32x16, a.v[i] >> kBits);
}
VIVACE_SIMD int32_t reduce_add(I32x16 a) {
  int32_t sum = 0;
  for (int i = 0; i < 16; ++i) sum = wrapping_add(sum, a.v[i]);
  return sum;
}
/// table[nibble] for each byte (0..15) of the lanes.
VIVACE_SIMD I32x16 lookup16(const int8_t* table, I32x16 nibbles) {
  int8_t bytes[64];
  __builtin_memcpy(bytes, nibbles.v, sizeof(bytes));
  for (int i = 0; i < 64; ++i) bytes[i] = table[bytes[i] & 15];
  return load_i32(bytes);
}

/// Bits kFirst..kFirst+3 of each lane to bit 4 of its bytes 0..3.
template <int kFirst>
VIVACE_SIMD I32x16 spread_bits(I32x16 a) {
  VIVACE_LANES(I32x16,
               static_cast<int32_t>((static_cast<uint32_t>(a.v[i]) >> kFirst & 15) * 0x02040810u & 0x10101010u));
}

// --- conversions
VIVACE_SIMD F32x16 to_f32(I32x16 a) { VIVACE_LANES(F32x16, static_cast<float>(a.v[i])); }
/// To nearest, ties to even; values beyond int32 give any integer.
VIVACE_SIMD I32x16 to_i32(F32x16 a) {
  VIVACE_LANES(I32x16,
               a.v[i] > -2e9f && a.v[i] < 2e9f ? static_cast<int32_t>(__builtin_nearbyintf(a.v[i])) : INT32_MIN);
}
VIVACE_SIMD F32x16 as_f32(I32x16 a) { VIVACE_LANES(F32x16, scalar::bits<float>(a.v[i])); }
VIVACE_SIMD I32x16 as_i32(F32x16 a) { VIVACE_LANES(I32x16, scalar::bits<int32_t>(a.v[i])); }

// --- int8 dots. A sum is begun from an accumulator, takes dot_run(max code) dwords, and is ended into the accumulator;
// shims whose hardware sums pairs in 16 bits need the cut, the others carry the accumulator through.
constexpr int dot_run(int /*max_code*/) { return 1 << 20; }
VIVACE_SIMD I32x16 dot_begin(I32x16 accumulator) { return accumulator; }
/// part + four products per lane of weight bytes (signed, or unsigned up to 127 unless kSignedDot is false) and signed
/// x.
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  int8_t w[64], y[64];
  __builtin_memcpy(w, weights.v, sizeof(w));
  __builtin_memcpy(y, x.v, sizeof(y));
  VIVACE_LANES(I32x16, wrapping_add(part.v[i], w[4 * i] * y[4 * i] + w[4 * i + 1] * y[4 * i + 1] +
                                                   w[4 * i + 2] * y[4 * i + 2] + w[4 * i + 3] * y[4 * i + 3]));
}
VIVACE_SIMD I32x16 dot_end(I32x16 /*accumulator*/, I32x16 part) { return part; }
/// accumulator + two products per lane of int16 pairs.
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) {
  VIVACE_LANES(I32x16,
               wrapping_add(wrapping_add(accumulator.v[i], static_cast<int16_t>(a.v[i]) * static_cast<int16_t>(b.v[i])),
                            (a.v[i] >> 16) * (b.v[i] >> 16)));
}

/// Int8 products of eight columns of two rows and two tokens at once, where the set has them (SMMLA: simd/neoni8mm.h):
/// join() two neighbouring vectors of codes, dot() with the dwords of two tokens each, first() and second() token.
struct TokenPairs {
  static constexpr bool kHas = false;
};

/// Asks for the cache line at p soon.
VIVACE_SIMD void prefetch(const void* p) { __builtin_prefetch(p); }
/// Asks for it into the second cache: many more lines can be on their way there than into the first.
VIVACE_SIMD void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }
VIVACE_SIMD void prefetch_write(const void* p) { __builtin_prefetch(p, 1); }

#undef VIVACE_LANES

}  // namespace vivace::VIVACE_ISA
