// The matrix functions over shuffles, for GPUs whose instructions the wrappers do not know. Slow, and right. Included
// by the headers of the instructions, after shuffles and dp4a.
#pragma once

#include "backends/cuda/gpu.h"

namespace vivace::cuda {

/// c += a b^T for m16n8k16 of 16-bit values that `unpack` turns into floats.
template <class Unpack>
VIVACE_DEVICE void mma_16_generic(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Unpack unpack) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 1
  for (int quarter = 0; quarter < 4; ++quarter) {
    uint32_t rows[4], columns[2][2];
    for (int i = 0; i < 4; ++i) rows[i] = shuffle(a[i], lane / 4 * 4 + quarter);
    for (int j = 0; j < 2; ++j) {
      for (int i = 0; i < 2; ++i) columns[j][i] = shuffle(b[i], (lane % 4 * 2 + j) * 4 + quarter);
    }
    for (int i = 0; i < 4; ++i) {
      for (int half = 0; half < 2; ++half) {
        const float2 x = unpack(rows[i / 2 + 2 * half]), y = unpack(columns[i % 2][half]);
        c[i] += x.x * y.x + x.y * y.y;
      }
    }
  }
}

/// d = a b^T + start for m16n8k(16 * kHalves) of int8.
template <int kHalves>
VIVACE_DEVICE void mma_s8_generic(int (&d)[4], const uint32_t* a, const uint32_t* b, int start) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < 4; ++i) d[i] = start;
#pragma unroll 1
  for (int quarter = 0; quarter < 4; ++quarter) {
    for (int half = 0; half < kHalves; ++half) {
      int rows[2], columns[2];
      for (int i = 0; i < 2; ++i) rows[i] = static_cast<int>(shuffle(a[2 * half + i], lane / 4 * 4 + quarter));
      for (int j = 0; j < 2; ++j) columns[j] = static_cast<int>(shuffle(b[half], (lane % 4 * 2 + j) * 4 + quarter));
      for (int i = 0; i < 4; ++i) d[i] = dp4a(rows[i / 2], columns[i % 2], d[i]);
    }
  }
}

/// ldmatrix: lane l passes row l % 8 of matrix l / 8, 16 bytes, and gets two of its values.
template <int kCount>
VIVACE_DEVICE void load_matrices_generic(uint32_t (&out)[kCount], const void* row) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const uint64_t mine = reinterpret_cast<uint64_t>(row);
  for (int i = 0; i < kCount; ++i) {
    const uint64_t low = shuffle(static_cast<uint32_t>(mine), i * 8 + lane / 4);
    const uint64_t high = shuffle(static_cast<uint32_t>(mine >> 32), i * 8 + lane / 4);
    out[i] = reinterpret_cast<const uint32_t*>(high << 32 | low)[lane % 4];
  }
}

template <int kCount>
VIVACE_DEVICE void load_matrices_transposed_generic(uint32_t (&out)[kCount], const void* row) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const uint64_t mine = reinterpret_cast<uint64_t>(row);
  for (int i = 0; i < kCount; ++i) {
    out[i] = 0;
    for (int j = 0; j < 2; ++j) {
      const int from = i * 8 + lane % 4 * 2 + j;
      const uint64_t low = shuffle(static_cast<uint32_t>(mine), from);
      const uint64_t high = shuffle(static_cast<uint32_t>(mine >> 32), from);
      const uint32_t value = reinterpret_cast<const uint16_t*>(high << 32 | low)[lane / 4];
      out[i] |= value << (16 * j);
    }
  }
}

}  // namespace vivace::cuda
