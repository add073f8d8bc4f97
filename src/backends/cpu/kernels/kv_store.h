// Encoding of KV rows, bit for bit as the formats do. Included by instruction-set translation units after their shim.
#pragma once

#include "backends/cpu/row_kernels.h"

namespace vivace::VIVACE_ISA {

constexpr int32_t kPage = 32;  // positions

/// Nearest integer, ties away from zero, of |x| < 2^22.
VIVACE_SIMD I32x16 round_away(F32x16 x) {
  constexpr float kBelowHalf = 0.49999997f;
  const I32x16 even = to_i32(x);
  const F32x16 rest = sub(x, to_f32(even));
  const F32x16 zero = zero_f32(), one = set_f32(1), minus = set_f32(-1);
  // A rest of exactly one half on the far side of zero: the tie went towards zero.
  const F32x16 up = select_greater(rest, set_f32(kBelowHalf), select_greater(x, zero, one, zero), zero);
  const F32x16 down = select_greater(set_f32(-kBelowHalf), rest, select_greater(zero, x, minus, zero), zero);
  return add(even, to_i32(add(up, down)));
}

/// To [-128, 127]: the inverse of a subnormal scale is infinite.
VIVACE_SIMD F32x16 clamp_code(F32x16 x) { return min(set_f32(127), max(set_f32(-128), x)); }

static void store_q8_0(const float* x, int32_t n, uint8_t* row) {
  for (int32_t i = 0; i < n; i += 32, row += 34) {
    const F32x16 a = load_f32(x + i), b = load_f32(x + i + 16);
    const float d = reduce_max(max(abs(a), abs(b))) / 127.0f;
    const F32x16 inverse = set_f32(d > 0 ? 1.0f / d : 0.0f);
    uint8_t halves[32];
    store_f16(halves, min(set_f32(65504.0f), set_f32(d)));
    __builtin_memcpy(row, halves, 2);
    store_i8(row + 2, round_away(clamp_code(mul(a, inverse))));
    store_i8(row + 18, round_away(clamp_code(mul(b, inverse))));
  }
}

/// y truncated, of 0 <= y < 2^22.
VIVACE_SIMD I32x16 truncate(F32x16 y) {
  const I32x16 near = to_i32(y);
  return add(near, to_i32(select_greater(to_f32(near), y, set_f32(-1), zero_f32())));
}

VIVACE_SIMD I32x16 q4_0_codes(const float* x, F32x16 inverse) {
  const F32x16 y = add(mul(load_f32(x), inverse), set_f32(8.5f));
  return truncate(min(max(y, zero_f32()), set_f32(15)));  // the operand order makes a NaN 0
}

static void store_q4_0(const float* x, int32_t n, uint8_t* row) {
  for (int32_t i = 0; i < n; i += 32, row += 18) {
    const float most = reduce_max(max(abs(load_f32(x + i)), abs(load_f32(x + i + 16))));
    float extreme = 0;  // the first of the largest, with its sign; +0 where all are 0
    for (int32_t j = i + 31; j >= i && most > 0; --j) extreme = x[j] == most || x[j] == -most ? x[j] : extreme;
    const float d = extreme / -8.0f;
    const F32x16 inverse = set_f32(d != 0 ? 1.0f / d : 0.0f);
    uint8_t halves[32];
    store_f16(halves, min(set_f32(65504.0f), max(set_f32(-65504.0f), set_f32(d))));
    __builtin_memcpy(row, halves, 2);
    store_i8(row + 2, or_(q4_0_codes(x + i, inverse), shl<4>(q4_0_codes(x + i + 16, inverse))));
  }
}

static void kv_store(Format format, const float* x, int32_t n, uint8_t* row) {
  if (format == Format::kQ8_0) return store_q8_0(x, n, row);
  if (format == Format::kQ4_0) return store_q4_0(x, n, row);
  if (format == Format::kF32) {
    __builtin_memcpy(row, x, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) store_f16(row + 2 * i, load_f32(x + i));
  if (i < n) {
    uint8_t halves[32];
    store_f16(halves, load_part_f32(x + i, n - i));
    __builtin_memcpy(row + 2 * i, halves, static_cast<size_t>(n - i) * 2);
  }
}

/// Bytes of `count` <= 32 columns.
VIVACE_SIMD size_t kv_piece_bytes(Format format, int32_t count) {
  if (format == Format::kQ8_0) return 34;
  if (format == Format::kQ4_0) return 18;
  return static_cast<size_t>(count) * (format == Format::kF32 ? 4 : 2);
}

static void kv_store_key(Format format, const float* x, int32_t n, uint8_t* keys, int32_t slot) {
  constexpr int32_t kPiece = 32;  // columns encoded at a time
  const size_t unit = format == Format::kF32 ? 4 : 2;
  keys += static_cast<size_t>(slot) * unit;
  for (int32_t i = 0; i < n; i += kPiece) {
    uint8_t row[4 * kPiece];
    const int32_t count = n - i < kPiece ? n - i : kPiece;
    kv_store(format, x + i, count, row);
    const size_t bytes = kv_piece_bytes(format, count);
    for (size_t at = 0; at < bytes; at += unit, keys += unit * kPage) __builtin_memcpy(keys, row + at, unit);
  }
}

static void kv_store_value(Format format, const float* x, int32_t n, uint8_t* values, int32_t slot) {
  const size_t at = static_cast<size_t>(slot);
  if (format != Format::kQ8_0 && format != Format::kQ4_0) {
    return kv_store(format, x, n, values + at * static_cast<size_t>(n) * (format == Format::kF32 ? 4 : 2));
  }
  const size_t bytes = kv_piece_bytes(format, 32), codes = bytes - 2;
  for (int32_t i = 0; i < n; i += 32, values += bytes * kPage) {
    uint8_t row[34];
    kv_store(format, x + i, 32, row);
    __builtin_memcpy(values + 2 * at, row, 2);
    uint8_t* to = values + 2 * kPage + at % 16 * 2 * codes + at / 16;
    for (size_t c = 0; c < codes; ++c) to[2 * c] = row[2 + c];
  }
}

}  // namespace vivace::VIVACE_ISA
