// Sixteen lanes in one zmm register: what AVX-512 F, BW, DQ and VL give, without the int8 dot. See simd/scalar.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define VIVACE_SIMD static inline __attribute__((always_inline))
#define VIVACE_UNROLL _Pragma("GCC unroll 16")

namespace vivace::VIVACE_ISA {

constexpr int kSingleTokens = 8, kTileTokens = 6, kTilePanels = 2;
constexpr int kFloatRows = 4, kFloatTokens = 6;
constexpr int kScoreRows = 12, kScoreVectors = 2, kValueRows = 6, kValueVectors = 4;

using F32x16 = __m512;
using I32x16 = __m512i;

VIVACE_SIMD __mmask16 first_lanes(int count) { return static_cast<__mmask16>((1u << count) - 1); }

VIVACE_SIMD F32x16 zero_f32() { return _mm512_setzero_ps(); }
VIVACE_SIMD F32x16 set_f32(float x) { return _mm512_set1_ps(x); }
VIVACE_SIMD F32x16 load_f32(const float* p) { return _mm512_loadu_ps(p); }
VIVACE_SIMD F32x16 load_part_f32(const float* p, int count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
VIVACE_SIMD void store_f32(float* p, F32x16 a) { _mm512_storeu_ps(p, a); }
VIVACE_SIMD void store_part_f32(float* p, F32x16 a, int count) { _mm512_mask_storeu_ps(p, first_lanes(count), a); }
VIVACE_SIMD F32x16 add(F32x16 a, F32x16 b) { return _mm512_add_ps(a, b); }
VIVACE_SIMD F32x16 sub(F32x16 a, F32x16 b) { return _mm512_sub_ps(a, b); }
VIVACE_SIMD F32x16 mul(F32x16 a, F32x16 b) { return _mm512_mul_ps(a, b); }
VIVACE_SIMD F32x16 div(F32x16 a, F32x16 b) { return _mm512_div_ps(a, b); }
VIVACE_SIMD F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { return _mm512_fmadd_ps(a, b, c); }
VIVACE_SIMD F32x16 max(F32x16 a, F32x16 b) { return _mm512_max_ps(a, b); }
VIVACE_SIMD F32x16 min(F32x16 a, F32x16 b) { return _mm512_min_ps(a, b); }
VIVACE_SIMD F32x16 abs(F32x16 a) { return _mm512_abs_ps(a); }
VIVACE_SIMD F32x16 select_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
VIVACE_SIMD float reduce_add(F32x16 a) {
  const __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
VIVACE_SIMD F32x16 swap_pairs(F32x16 a) { return _mm512_permute_ps(a, 0xB1); }
VIVACE_SIMD float reduce_max(F32x16 a) {
  const __m256 b = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
VIVACE_SIMD F32x16 load_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
VIVACE_SIMD F32x16 set_f16(const void* p) {
  int16_t half;
  __builtin_memcpy(&half, p, sizeof(half));
  return _mm512_cvtph_ps(_mm256_set1_epi16(half));
}
VIVACE_SIMD void load_f16_pairs(const void* p, F32x16& even, F32x16& odd) {
  const __m512i order = _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1,  //
                                         30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i halves = _mm512_permutexvar_epi16(order, _mm512_loadu_si512(p));
  even = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
  odd = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
}
VIVACE_SIMD F32x16 load_bf16(const void* p) {
  const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
VIVACE_SIMD void store_f16(void* p, F32x16 a) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

VIVACE_SIMD I32x16 zero_i32() { return _mm512_setzero_si512(); }
VIVACE_SIMD I32x16 set_i32(int32_t x) { return _mm512_set1_epi32(x); }
VIVACE_SIMD I32x16 load_i32(const void* p) { return _mm512_loadu_si512(p); }
VIVACE_SIMD I32x16 load_i8(const void* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
VIVACE_SIMD I32x16 load_u8(const void* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
VIVACE_SIMD I32x16 load_i8_pairs(const void* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
VIVACE_SIMD I32x16 load_u8_pairs(const void* p) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
VIVACE_SIMD I32x16 load_u16(const void* p) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
VIVACE_SIMD void store_i8(void* p, I32x16 a) { _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a)); }
VIVACE_SIMD I32x16 add(I32x16 a, I32x16 b) { return _mm512_add_epi32(a, b); }
VIVACE_SIMD I32x16 mul(I32x16 a, I32x16 b) { return _mm512_mullo_epi32(a, b); }
VIVACE_SIMD I32x16 and_(I32x16 a, I32x16 b) { return _mm512_and_si512(a, b); }
VIVACE_SIMD I32x16 or_(I32x16 a, I32x16 b) { return _mm512_or_si512(a, b); }
VIVACE_SIMD I32x16 xor_(I32x16 a, I32x16 b) { return _mm512_xor_si512(a, b); }
template <int kBits>
VIVACE_SIMD I32x16 shl(I32x16 a) {
  return _mm512_slli_epi32(a, kBits);
}
template <int kBits>
VIVACE_SIMD I32x16 shr(I32x16 a) {
  return _mm512_srli_epi32(a, kBits);
}
template <int kBits>
VIVACE_SIMD I32x16 sar(I32x16 a) {
  return _mm512_srai_epi32(a, kBits);
}
VIVACE_SIMD int32_t reduce_add(I32x16 a) { return _mm512_reduce_add_epi32(a); }
VIVACE_SIMD I32x16 lookup16(const int8_t* table, I32x16 nibbles) {
  const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(row), nibbles);
}

template <int kFirst>
VIVACE_SIMD I32x16 spread_bits(I32x16 a) {
  // Entry n: bit b of n at bit 4 of byte b. The permutation reads only the low 4 bits of each index.
  const __m512i table =
      _mm512_setr_epi32(0x00000000, 0x00000010, 0x00001000, 0x00001010, 0x00100000, 0x00100010, 0x00101000, 0x00101010,
                        0x10000000, 0x10000010, 0x10001000, 0x10001010, 0x10100000, 0x10100010, 0x10101000, 0x10101010);
  return _mm512_permutexvar_epi32(_mm512_srli_epi32(a, kFirst), table);
}

VIVACE_SIMD F32x16 to_f32(I32x16 a) { return _mm512_cvtepi32_ps(a); }
VIVACE_SIMD I32x16 to_i32(F32x16 a) { return _mm512_cvtps_epi32(a); }
VIVACE_SIMD F32x16 as_f32(I32x16 a) { return _mm512_castsi512_ps(a); }
VIVACE_SIMD I32x16 as_i32(F32x16 a) { return _mm512_castps_si512(a); }

/// This set has no products of token pairs (simd/scalar.h).
struct TokenPairs {
  static constexpr bool kHas = false;
};

VIVACE_SIMD void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
VIVACE_SIMD void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }
VIVACE_SIMD void prefetch_write(const void* p) { __builtin_prefetch(p, 1); }

}  // namespace vivace::VIVACE_ISA
