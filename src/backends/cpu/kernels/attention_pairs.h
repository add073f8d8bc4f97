// Scores and sums of values over a KV cache in blocks (Q8_0, Q4_0): products of pairs of int16, exact integers within a
// block, without widening the cache's codes to f32. Queries become int16 with one scale a row; weights, times the
// scales of the values, with one scale per page and block of columns. What a row rounds depends on it and its positions
// alone.
#pragma once

#include "backends/cpu/kernels/kv_page.h"
#include "backends/cpu/kernels/pair16.h"
#include "backends/cpu/kernels/unroll.h"
#include "backends/cpu/row_kernels.h"

namespace vivace::VIVACE_ISA {

constexpr int32_t kScoreRow = kAttentionScoreRow;
constexpr int32_t kQueryBlock = 17;  // dwords of 32 columns of a query's codes

/// A query times `scale` in place to what keys of a block format are multiplied by: per 32 columns pairs of int16 [16]
/// and what cancels the offset of the keys' codes, then the scale of all. NaN and infinity make the scale NaN.
static void encode_query(float* query, int32_t dim, int32_t offset, float scale) {
  F32x16 most = zero_f32(), sum = zero_f32();
  for (int32_t i = 0; i < dim; i += 16) {
    most = max(most, abs(load_f32(query + i)));
    sum = add(sum, load_f32(query + i));
  }
  const float largest = reduce_max(most);
  const F32x16 inverse = set_f32(largest > 1e-30f ? 32767.0f / largest : 0.0f);
  int32_t* to = reinterpret_cast<int32_t*>(query);  // never beyond what is read next
  for (int32_t i = 0; i < dim; i += 32, to += kQueryBlock) {
    float columns[32];
    for (int32_t half = 0; half < 32; half += 16) {
      store_f32(columns + half, as_f32(to_i32(mul(load_f32(query + i + half), inverse))));
    }
    int32_t codes[32], total = 0;
    __builtin_memcpy(codes, columns, sizeof(codes));
    for (int32_t n = 0; n < 16; ++n) {
      to[n] = pair16(codes[2 * n], codes[2 * n + 1]);
      total += static_cast<int16_t>(codes[2 * n]) + static_cast<int16_t>(codes[2 * n + 1]);
    }
    to[16] = -offset * total;
  }
  query[dim / 32 * kQueryBlock] = largest / 32767.0f * scale + 0.0f * reduce_add(sum);
}

/// Sums of products of int16 pairs: each row's dword times each vector.
template <int kRows, int kVectors>
struct PairSums {
  I32x16 total[kRows][kVectors];

  VIVACE_SIMD void begin(PairSums& sums, const int32_t* from, int32_t stride) {
    unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
      unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { sums.total[r][v] = set_i32(from[r * stride]); });
    });
  }
  VIVACE_SIMD void add(PairSums& sums, const int32_t* dwords, int32_t stride, const I32x16 (&vectors)[kVectors]) {
    unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
      const I32x16 dword = set_i32(dwords[r * stride]);
      unroll<kVectors>([&](auto v)
                           VIVACE_INLINE_LAMBDA { sums.total[r][v] = dot16(sums.total[r][v], vectors[v], dword); });
    });
  }
};

/// scores[r][0..16 * kVectors) = queries[r] . keys of as many positions from `first` on; queries as encode_query()
/// leaves them.
template <class Kv, int kRows, int kVectors>
static void score_coded_rows(const float* queries, int32_t key_row, const uint8_t* keys, int32_t first, int32_t dim,
                             const uint8_t* next, float* scores) {
  using Sums = PairSums<kRows, kVectors>;
  const float* query_scale = queries + dim / 32 * kQueryBlock;
  for (int32_t i = 0; i < dim; i += 32, keys += Kv::kBlockBytes * kPage) {
    const int32_t* codes = reinterpret_cast<const int32_t*>(queries) + i / 32 * kQueryBlock;
    Sums sums;
    Sums::begin(sums, codes + 16, key_row);
    VIVACE_UNROLL for (int32_t n = 0; n < Kv::kLoads; ++n, ++codes) {
      if (next != nullptr) prefetch(next), next += 64;
      I32x16 key[kVectors];
      VIVACE_UNROLL for (int v = 0; v < kVectors; ++v) { key[v] = Kv::template key_pairs<0>(keys, n, first + 16 * v); }
      Sums::add(sums, codes, key_row, key);
      if constexpr (Kv::kLoads < 16) {
        VIVACE_UNROLL for (int v = 0; v < kVectors; ++v) {
          key[v] = Kv::template key_pairs<1>(keys, n, first + 16 * v);
        }
        Sums::add(sums, codes + Kv::kLoads, key_row, key);
      }
    }
    if (next != nullptr) prefetch(next), next += 64;
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA {
      const F32x16 key_scale = load_f16(keys + 2 * (first + 16 * v));
      unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
        float* score = scores + r * kScoreRow + 16 * v;
        const F32x16 sum = i == 0 ? zero_f32() : load_f32(score);
        store_f32(score, fma(to_f32(sums.total[r][v]), mul(key_scale, set_f32(query_scale[r * key_row])), sum));
      });
    });
  }
}

/// One row's weights of a page for a block format's values: times the scales of the 32 columns, as int16.
struct CodedWeights {
  int32_t pairs[16];  // positions n and n + 16
  int32_t begin;      // cancels the offset of the values' codes
  float scale;
};

VIVACE_SIMD F32x16 scaled_weights(const float* weights, const uint8_t* scales) {
  const F32x16 p = load_f32(weights), zero = zero_f32();
  return select_greater(p, zero, mul(p, load_f16(scales)), zero);  // what is not seen may have any scale, even NaN
}

/// To at most 2^14: a power of two is exact, and 32 products with a byte fit an int32.
template <int kOffset>
VIVACE_SIMD void encode_weights(const float* weights, const uint8_t* scales, CodedWeights& to) {
  const F32x16 low = scaled_weights(weights, scales), high = scaled_weights(weights + 16, scales + 32);
  const float most = reduce_max(max(abs(low), abs(high)));
  uint32_t exponent, inverse_bits = 0, scale_bits = 0;
  __builtin_memcpy(&exponent, &most, sizeof(exponent));
  exponent >>= 23;
  if (exponent > 13) {  // else as good as zero
    inverse_bits = (254 + 13 - exponent) << 23;
    scale_bits = (exponent - 13) << 23;
  }
  float factor;
  __builtin_memcpy(&factor, &inverse_bits, sizeof(factor));
  __builtin_memcpy(&to.scale, &scale_bits, sizeof(factor));
  const F32x16 inverse = set_f32(factor);
  const I32x16 a = to_i32(mul(low, inverse)), b = to_i32(mul(high, inverse));
  store_f32(reinterpret_cast<float*>(to.pairs), as_f32(or_(and_(a, set_i32(0xFFFF)), shl<16>(b))));
  to.begin = kOffset == 0 ? 0 : -kOffset * reduce_add(add(a, b));
}

/// out[r][0..32) += sum over the positions of a page of weights[r] * values of one block of columns.
template <class Kv, int kRows>
static void add_coded_values(const float* weights, const uint8_t* block, const uint8_t* next, float* out,
                             int32_t out_row) {
  using Sums = PairSums<kRows, kScoreVectors>;
  constexpr int32_t kStride = sizeof(CodedWeights) / 4, kLine = 2 * (Kv::kBlockBytes - 2);
  CodedWeights codes[kRows];
  for (int r = 0; r < kRows; ++r) encode_weights<Kv::kOffset>(weights + r * kScoreRow, block, codes[r]);
  unroll<2 / kScoreVectors>([&](auto part) VIVACE_INLINE_LAMBDA {
    Sums sums;
    Sums::begin(sums, &codes[0].begin, kStride);
    VIVACE_UNROLL for (int32_t n = 0; n < 16; ++n) {
      if (next != nullptr && part == 0) prefetch(next + n * kLine);
      I32x16 value[kScoreVectors];
      value[0] = Kv::template value_pairs<part * kScoreVectors>(block, n);
      if constexpr (kScoreVectors == 2) value[1] = Kv::template value_pairs<1>(block, n);
      Sums::add(sums, codes[0].pairs + n, kStride, value);
    }
    if (next != nullptr && part == 0) prefetch(next + 16 * kLine);
    unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
      unroll<kScoreVectors>([&](auto v) VIVACE_INLINE_LAMBDA {
        float* at = out + r * out_row + 16 * (part * kScoreVectors + v);
        store_f32(at, fma(to_f32(sums.total[r][v]), set_f32(codes[r].scale), load_f32(at)));
      });
    });
  });
}

}  // namespace vivace::VIVACE_ISA
