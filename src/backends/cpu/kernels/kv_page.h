// Keys and values of one KV head in one page as vectors of f32, format by format. Keys are turned (device/kv_view.h): a
// vector has one column of 16 positions. Values lie in rows: a vector has 16 columns of one position. Included by
// instruction-set translation units after their shim.
#pragma once

#include "backends/cpu/kernels/kv_store.h"

namespace vivace::VIVACE_ISA {

/// One block of columns of the turned keys for 16 positions.
struct KeyBlock {
  const uint8_t* data;
  F32x16 scales;
};

// Each format: keys() finds block `block` for positions `first` to first + 15, key() is its column i < kColumns;
// value() are columns 16 v to 16 v + 15 of a row.

template <int32_t kBytes>
VIVACE_SIMD KeyBlock plain_keys(const uint8_t* keys, int32_t block, int32_t first) {
  return {keys + (static_cast<size_t>(block) * kPage + static_cast<size_t>(first)) * kBytes, zero_f32()};
}

template <int32_t kBytes>
VIVACE_SIMD KeyBlock scaled_keys(const uint8_t* keys, int32_t block, int32_t first) {
  keys += static_cast<size_t>(block) * kBytes * kPage;
  return {keys + 2 * kPage + first, load_f16(keys + 2 * first)};
}

struct KvF32 {
  static constexpr int32_t kColumns = 1, kBlockBytes = 4;
  static constexpr auto keys = plain_keys<kBlockBytes>;
  VIVACE_SIMD F32x16 key(KeyBlock block, int32_t) { return load_f32(reinterpret_cast<const float*>(block.data)); }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) {
    return load_f32(reinterpret_cast<const float*>(row) + 16 * v);
  }
};

struct KvF16 {
  static constexpr int32_t kColumns = 1, kBlockBytes = 2;
  static constexpr auto keys = plain_keys<kBlockBytes>;
  VIVACE_SIMD F32x16 key(KeyBlock block, int32_t) { return load_f16(block.data); }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) { return load_f16(row + 32 * v); }
};

struct KvQ8_0 {
  static constexpr int32_t kColumns = 32, kBlockBytes = 34;
  static constexpr auto keys = scaled_keys<kBlockBytes>;
  VIVACE_SIMD F32x16 key(KeyBlock block, int32_t i) {
    return mul(block.scales, to_f32(load_i8(block.data + i * kPage)));
  }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) {
    row += v / 2 * kBlockBytes;
    return mul(set_f16(row), to_f32(load_i8(row + 2 + v % 2 * 16)));
  }
};

struct KvQ4_0 {
  static constexpr int32_t kColumns = 32, kBlockBytes = 18;
  static constexpr auto keys = scaled_keys<kBlockBytes>;
  VIVACE_SIMD F32x16 code(const uint8_t* bytes, bool high) {
    const I32x16 both = load_u8(bytes);
    return to_f32(add(high ? shr<4>(both) : and_(both, set_i32(15)), set_i32(-8)));
  }
  VIVACE_SIMD F32x16 key(KeyBlock block, int32_t i) {
    return mul(block.scales, code(block.data + i % 16 * kPage, i >= 16));
  }
  VIVACE_SIMD F32x16 value(const uint8_t* row, int32_t v) {
    row += v / 2 * kBlockBytes;
    return mul(set_f16(row), code(row + 2, v % 2 != 0));
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
  for (int32_t block = 0; block * Kv::kColumns < dim; ++block) {
    const KeyBlock low = Kv::keys(keys, block, 0), high = Kv::keys(keys, block, 16);
    for (int32_t i = 0; i < Kv::kColumns; ++i, out += kPage) {
      store_f32(out, Kv::key(low, i));
      store_f32(out + 16, Kv::key(high, i));
    }
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
    uint8_t padded[64] = {};  // only f32 and f16 have rests
    __builtin_memcpy(padded, values + bytes / static_cast<size_t>(dim) * 16 * static_cast<size_t>(whole),
                     bytes / static_cast<size_t>(dim) * static_cast<size_t>(rest));
    store_f32(out + 16 * whole, Kv::value(padded, 0));
  }
}

}  // namespace vivace::VIVACE_ISA
