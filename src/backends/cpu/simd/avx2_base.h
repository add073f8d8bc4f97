// Sixteen lanes in two ymm registers: what AVX2, FMA and F16C give, without the int8 dot. See simd/scalar.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define VIVACE_SIMD static inline __attribute__((always_inline))
#define VIVACE_UNROLL _Pragma("GCC unroll 16")

namespace vivace::VIVACE_ISA {

constexpr int kSingleTokens = 6, kTileTokens = 6, kTilePanels = 1;
constexpr int kFloatRows = 2, kFloatTokens = 3;
constexpr int kScoreRows = 6, kScoreVectors = 1, kValueRows = 6, kValueVectors = 1;

struct F32x16 {
  __m256 a, b;
};
struct I32x16 {
  __m256i a, b;
};

VIVACE_SIMD __m256i lane_mask(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

VIVACE_SIMD F32x16 zero_f32() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
VIVACE_SIMD F32x16 set_f32(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VIVACE_SIMD F32x16 load_f32(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
VIVACE_SIMD F32x16 load_part_f32(const float* p, int count) {
  return {_mm256_maskload_ps(p, lane_mask(count)), _mm256_maskload_ps(p + 8, lane_mask(count - 8))};
}
VIVACE_SIMD void store_f32(float* p, F32x16 x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
VIVACE_SIMD void store_part_f32(float* p, F32x16 x, int count) {
  _mm256_maskstore_ps(p, lane_mask(count), x.a);
  _mm256_maskstore_ps(p + 8, lane_mask(count - 8), x.b);
}
VIVACE_SIMD F32x16 add(F32x16 x, F32x16 y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 sub(F32x16 x, F32x16 y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 mul(F32x16 x, F32x16 y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 div(F32x16 x, F32x16 y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 fma(F32x16 x, F32x16 y, F32x16 z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
VIVACE_SIMD F32x16 max(F32x16 x, F32x16 y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 min(F32x16 x, F32x16 y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
VIVACE_SIMD F32x16 abs(F32x16 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
VIVACE_SIMD F32x16 select_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(a.a, b.a, _CMP_GT_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(a.b, b.b, _CMP_GT_OQ))};
}
VIVACE_SIMD float reduce_add(F32x16 x) {
  const __m256 b = _mm256_add_ps(x.a, x.b);
  const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
VIVACE_SIMD F32x16 swap_pairs(F32x16 x) { return {_mm256_permute_ps(x.a, 0xB1), _mm256_permute_ps(x.b, 0xB1)}; }
VIVACE_SIMD float reduce_max(F32x16 x) {
  const __m256 b = _mm256_max_ps(x.a, x.b);
  const __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
VIVACE_SIMD F32x16 load_f16(const void* p) {
  const __m128i* halves = static_cast<const __m128i*>(p);
  return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
VIVACE_SIMD void load_f16_pairs(const void* p, __m256& even, __m256& odd) {
  // Even halves to the low 8 bytes of each 128 bits, odd ones to the high, then like to like.
  const __m256i part = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,  //
                                        0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  const __m256i pairs = _mm256_loadu_si256(static_cast<const __m256i*>(p));
  const __m256i halves = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(pairs, part), 0xD8);
  even = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  odd = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}
VIVACE_SIMD void load_f16_pairs(const void* p, F32x16& even, F32x16& odd) {
  load_f16_pairs(p, even.a, odd.a);
  load_f16_pairs(static_cast<const uint8_t*>(p) + 32, even.b, odd.b);
}
VIVACE_SIMD F32x16 set_f16(const void* p) {
  int16_t half;
  __builtin_memcpy(&half, p, sizeof(half));
  const __m256 all = _mm256_cvtph_ps(_mm_set1_epi16(half));
  return {all, all};
}
VIVACE_SIMD F32x16 load_bf16(const void* p) {
  const __m128i* halves = static_cast<const __m128i*>(p);
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)), 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves + 1)), 16))};
}
VIVACE_SIMD void store_f16(void* p, F32x16 x) {
  __m128i* halves = static_cast<__m128i*>(p);
  _mm_storeu_si128(halves, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128(halves + 1, _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

VIVACE_SIMD I32x16 zero_i32() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
VIVACE_SIMD I32x16 set_i32(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
VIVACE_SIMD I32x16 load_i32(const void* p) {
  const __m256i* q = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
VIVACE_SIMD I32x16 load_i8(const void* p) {
  const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
  return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
}
VIVACE_SIMD I32x16 load_u8(const void* p) {
  const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
VIVACE_SIMD I32x16 load_i8_pairs(const void* p) {
  const __m128i* bytes = static_cast<const __m128i*>(p);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(bytes)), _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes + 1))};
}
VIVACE_SIMD I32x16 load_u8_pairs(const void* p) {
  const __m128i* bytes = static_cast<const __m128i*>(p);
  return {_mm256_cvtepu8_epi16(_mm_loadu_si128(bytes)), _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes + 1))};
}
VIVACE_SIMD I32x16 load_u16(const void* p) {
  const __m128i* halves = static_cast<const __m128i*>(p);
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)), _mm256_cvtepu16_epi32(_mm_loadu_si128(halves + 1))};
}
VIVACE_SIMD void store_i8(void* p, I32x16 x) {
  const __m256i low = _mm256_set1_epi32(0xFF);
  const __m256i words = _mm256_packus_epi32(_mm256_and_si256(x.a, low), _mm256_and_si256(x.b, low));
  const __m256i bytes = _mm256_packus_epi16(words, words);  // dwords: a0-3 b0-3 a0-3 b0-3 | a4-7 b4-7 ...
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5);
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(bytes, order)));
}
VIVACE_SIMD I32x16 add(I32x16 x, I32x16 y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
VIVACE_SIMD I32x16 mul(I32x16 x, I32x16 y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
VIVACE_SIMD I32x16 and_(I32x16 x, I32x16 y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
VIVACE_SIMD I32x16 or_(I32x16 x, I32x16 y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
VIVACE_SIMD I32x16 xor_(I32x16 x, I32x16 y) { return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
template <int kBits>
VIVACE_SIMD I32x16 shl(I32x16 x) {
  return {_mm256_slli_epi32(x.a, kBits), _mm256_slli_epi32(x.b, kBits)};
}
template <int kBits>
VIVACE_SIMD I32x16 shr(I32x16 x) {
  return {_mm256_srli_epi32(x.a, kBits), _mm256_srli_epi32(x.b, kBits)};
}
template <int kBits>
VIVACE_SIMD I32x16 sar(I32x16 x) {
  return {_mm256_srai_epi32(x.a, kBits), _mm256_srai_epi32(x.b, kBits)};
}
VIVACE_SIMD int32_t reduce_add(I32x16 x) {
  const __m256i b = _mm256_add_epi32(x.a, x.b);
  const __m128i c = _mm_add_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
  const __m128i d = _mm_add_epi32(c, _mm_shuffle_epi32(c, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(d, _mm_shuffle_epi32(d, 0xB1)));
}
VIVACE_SIMD I32x16 lookup16(const int8_t* table, I32x16 nibbles) {
  const __m256i rows = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm256_shuffle_epi8(rows, nibbles.a), _mm256_shuffle_epi8(rows, nibbles.b)};
}

template <int kFirst>
VIVACE_SIMD I32x16 spread_bits(I32x16 x) {
  // The byte that has the four bits goes to all bytes of its lane; each keeps its own bit.
  constexpr int kByte = 0x01010101 * (kFirst / 8);
  const __m256i bytes =
      _mm256_add_epi8(_mm256_set1_epi32(kByte),
                      _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0C0C0C0C, 0, 0x04040404, 0x08080808, 0x0C0C0C0C));
  const __m256i own = _mm256_set1_epi32(kFirst % 8 == 0 ? 0x08040201 : static_cast<int>(0x80402010u));
  const __m256i bit = _mm256_set1_epi32(0x10101010);
  auto spread = [&](__m256i a) __attribute__((always_inline)) {
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(a, bytes), own), own), bit);
  };
  return {spread(x.a), spread(x.b)};
}

VIVACE_SIMD F32x16 to_f32(I32x16 x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
VIVACE_SIMD I32x16 to_i32(F32x16 x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
VIVACE_SIMD F32x16 as_f32(I32x16 x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
VIVACE_SIMD I32x16 as_i32(F32x16 x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }

/// This set has no products of token pairs (simd/scalar.h).
struct TokenPairs {
  static constexpr bool kHas = false;
};

VIVACE_SIMD void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
VIVACE_SIMD void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }
VIVACE_SIMD void prefetch_write(const void* p) { __builtin_prefetch(p, 1); }

}  // namespace vivace::VIVACE_ISA
