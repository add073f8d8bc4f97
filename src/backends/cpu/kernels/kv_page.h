// Keys and values of one KV head in one page as vectors, format by format: where they lie says device/kv_view.h.
// Included by instruction-set translation units after their shim.
#pragma once

#include "backends/cpu/kernels/kv_store.h"

namespace vivace::VIVACE_ISA {

/// Formats of one value a block: key() is one column of the turned keys of 16 positions, value() are columns 16 v to
/// 16 v + 15 of a row.
struct KvF32 {
  static constexpr int32_t kColumns = 1, kBlockBytes = 4;
  VIVACE_SIMD F32x16 key(const uint8_t* keys) { return load_f32(reinterpret_cast<const float*>(keys)); }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) {
    return load_f32(reinterpret_cast<const float*>(row) + 16 * v);
  }
};

struct KvF16 {
  static constexpr int32_t kColumns = 1, kBlockBytes = 2;
  VIVACE_SIMD F32x16 key(const uint8_t* keys) { return load_f16(keys); }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) { return load_f16(row + 32 * v); }
};

/// Formats of blocks of 32 columns, of which a page has the scales [kPage] first and then codes, as pairs of int16 that
/// are kOffset too large. key_pairs<i>(block, n, at): columns 2 (n + i * kLoads) and the next of the positions from
/// `at` on; value_pairs<v>(block, n): positions n and n + 16, columns 16 v to 16 v + 15.
struct KvQ8_0 {
  static constexpr int32_t kColumns = 32, kBlockBytes = 34, kOffset = 0, kLoads = 16;
  template <int i>
  VIVACE_SIMD I32x16 key_pairs(const uint8_t* block, int32_t n, int32_t at) {
    return load_i8_pairs(block + 2 * (kPage * (1 + n) + at));
  }
  template <int v>
  VIVACE_SIMD I32x16 value_pairs(const uint8_t* block, int32_t n) {
    return load_i8_pairs(block + 2 * kPage * (1 + n) + 32 * v);
  }
};

struct KvQ4_0 {
  static constexpr int32_t kColumns = 32, kBlockBytes = 18, kOffset = 8, kLoads = 8;
  template <int half>
  VIVACE_SIMD I32x16 pairs(const uint8_t* bytes) {
    const I32x16 both = load_u8_pairs(bytes);
    return and_(half == 0 ? both : shr<4>(both), set_i32(0x000F000F));
  }
  template <int i>
  VIVACE_SIMD I32x16 key_pairs(const uint8_t* block, int32_t n, int32_t at) {
    return pairs<i>(block + 2 * (kPage * (1 + n) + at));
  }
  template <int v>
  VIVACE_SIMD I32x16 value_pairs(const uint8_t* block, int32_t n) {
    return pairs<v>(block + 2 * kPage + 32 * n);
  }
};

/// Bytes of a row of `dim` values.
template <class Kv>
VIVACE_SIMD size_t kv_row_bytes(int32_t dim) {
  return static_cast<size_t>(dim / Kv::kColumns) * Kv::kBlockBytes;
}

/// A page's keys to turned f32: [dim, kPage].
template <class Kv>
static void unpack_keys(const uint8_t* keys, int32_t dim, float* out) {
  for (int32_t i = 0; i < dim; ++i, keys += Kv::kBlockBytes * kPage, out += kPage) {
    store_f32(out, Kv::key(keys));
    store_f32(out + 16, Kv::key(keys + 16 * Kv::kBlockBytes));
  }
}

/// `count` rows of values to f32 rows of `stride`, the rest of them zero.
template <class Kv>
static void unpack_values(const uint8_t* values, int32_t dim, int32_t count, float* out, int32_t stride) {
  const int32_t whole = dim / 16, rest = dim % 16;
  const size_t bytes = kv_row_bytes<Kv>(dim);
  for (int32_t row = 0; row < count; ++row, out += stride, values += bytes) {
    for (int32_t v = 0; v < whole; ++v) store_f32(out + 16 * v, Kv::value(values, v));
    if (rest == 0) continue;
    uint8_t padded[64] = {};
    __builtin_memcpy(padded, values + bytes / static_cast<size_t>(dim) * 16 * static_cast<size_t>(whole),
                     bytes / static_cast<size_t>(dim) * static_cast<size_t>(rest));
    store_f32(out + 16 * whole, Kv::value(padded, 0));
  }
}

}  // namespace vivace::VIVACE_ISA
