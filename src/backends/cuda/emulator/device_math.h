// The machine instructions in plain C++ over the emulator's fibers.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "backends/cuda/emulator/block.h"
#include "quant/half.h"

namespace vivace::cuda {

template <class T>
T shuffle(T value, int lane) {
  return Exchanged<T>(value)[unsigned(lane) % 32];
}
template <class T>
T shuffle_xor(T value, int mask) {
  const Exchanged<T> all(value);
  return all[(threadIdx.x % 32) ^ unsigned(mask)];
}
template <class T>
T shuffle_down(T value, int step) {
  const Exchanged<T> all(value);
  const unsigned from = threadIdx.x % 32 + unsigned(step);
  return from < 32 ? all[from] : value;
}
inline uint32_t ballot(bool vote) {
  const Exchanged<bool> all(vote);
  uint32_t bits = 0;
  for (unsigned lane = 0; lane < 32; ++lane) bits |= uint32_t{all[lane]} << lane;
  return bits;
}
inline bool any_lane(bool vote) { return ballot(vote) != 0; }
inline bool all_lanes(bool vote) { return ballot(vote) == ~uint32_t{0}; }
inline void sync_warp() { exchange_bytes(nullptr, 0); }

inline float bits_to_float(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t float_to_bits(float value) { return std::bit_cast<uint32_t>(value); }
inline uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t both = uint64_t{high} << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t nibble = selector >> (4 * i) & 15, byte = uint32_t(both >> (8 * (nibble & 7)) & 255);
    result |= (nibble < 8 ? byte : (byte >> 7) * 255u) << (8 * i);
  }
  return result;
}
inline int population_count(uint32_t bits) { return std::popcount(bits); }
inline int round_to_int(float value) { return int(std::lrintf(value)); }
inline float add_rounded(float a, float b) { return a + b; }
inline float multiply_rounded(float a, float b) { return a * b; }
inline float exp2_fast(float value) { return std::exp2(value); }
inline float exp_fast(float value) { return std::exp(value); }
inline float divide_fast(float a, float b) { return a / b; }

inline float half_to_float(uint16_t half) { return f16_to_f32(half); }
inline uint16_t float_to_half(float value) { return f32_to_f16(value); }
inline uint32_t pack_halves(float low, float high) { return f32_to_f16(low) | uint32_t{f32_to_f16(high)} << 16; }
inline uint16_t float_to_bf16(float value) { return f32_to_bf16(value); }
inline uint32_t pack_bf16(float low, float high) { return f32_to_bf16(low) | uint32_t{f32_to_bf16(high)} << 16; }

inline uint32_t half2_fma(uint32_t a, uint32_t b, uint32_t c) {
  const auto one = [&](int shift) {
    const auto value = [shift](uint32_t pair) { return double{f16_to_f32(uint16_t(pair >> shift))}; };
    return f32_to_f16(float(value(a) * value(b) + value(c)));  // exact in double; rounded twice
  };
  return one(0) | uint32_t{one(16)} << 16;
}
inline uint32_t half2_multiply(uint32_t a, uint32_t b) { return half2_fma(a, b, 0x80008000u); }
inline uint32_t half2_add(uint32_t a, uint32_t b) { return half2_fma(a, 0x3C003C00u, b); }

inline int dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += int8_t(uint8_t(a >> i)) * int8_t(uint8_t(b >> i));
  return c;
}

inline uint4 load_once(const void* address) { return *static_cast<const uint4*>(address); }

inline void copy_16_async(void* to, const void* from, int bytes = 16) { start_copy(to, from, bytes); }
inline void commit_copies() { commit_started_copies(); }
template <int kLeft>
void wait_copies() {
  wait_started_copies(kLeft);
}
inline void wait_for_previous_kernel() { mark_waited(); }
inline void allow_next_kernel() {}

template <int kCount>
void load_matrices(uint32_t (&out)[kCount], const void* row) {
  const Exchanged<const void*> rows(row);
  const unsigned lane = threadIdx.x % 32;
  for (int i = 0; i < kCount; ++i) out[i] = static_cast<const uint32_t*>(rows[i * 8 + lane / 4])[lane % 4];
}
template <int kCount>
void load_matrices_transposed(uint32_t (&out)[kCount], const void* row) {
  const Exchanged<const void*> rows(row);
  const unsigned lane = threadIdx.x % 32;
  for (int i = 0; i < kCount; ++i) {
    const auto value = [&](unsigned j) {
      return uint32_t{static_cast<const uint16_t*>(rows[i * 8 + lane % 4 * 2 + j])[lane / 4]};
    };
    out[i] = value(0) | value(1) << 16;
  }
}

/// What a lane brings to m16n8k16, as floats: rows lane / 4 and + 8 of a at columns lane % 4 * 2.. and + 8, column
/// lane / 4 of b at the same.
struct MmaOperands {
  float a[8], b[4];
};

inline void mma_floats(float (&c)[4], const MmaOperands& mine) {
  const Exchanged<MmaOperands> all(mine);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4 * 4, column = (lane % 4 * 2 + i % 2) * 4;
    float sum = 0;
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      const float *a = all[row + quarter].a + i / 2 * 2, *b = all[column + quarter].b;
      sum += a[0] * b[0] + a[1] * b[1] + a[4] * b[2] + a[5] * b[3];
    }
    c[i] += sum;
  }
}

inline void mma_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaOperands mine;
  for (int i = 0; i < 8; ++i) mine.a[i] = f16_to_f32(uint16_t(a[i / 2] >> (i % 2 * 16)));
  for (int i = 0; i < 4; ++i) mine.b[i] = f16_to_f32(uint16_t(b[i / 2] >> (i % 2 * 16)));
  mma_floats(c, mine);
}
inline void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaOperands mine;
  for (int i = 0; i < 8; ++i) mine.a[i] = bf16_to_f32(uint16_t(a[i / 2] >> (i % 2 * 16)));
  for (int i = 0; i < 4; ++i) mine.b[i] = bf16_to_f32(uint16_t(b[i / 2] >> (i % 2 * 16)));
  mma_floats(c, mine);
}

template <int kHalves>
void mma_bytes(int (&d)[4], const uint32_t* a, const uint32_t* b, int start) {
  struct Operands {
    uint32_t a[4], b[2];
  } mine{};
  std::copy_n(a, 2 * kHalves, mine.a);
  std::copy_n(b, kHalves, mine.b);
  const Exchanged<Operands> all(mine);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < 4; ++i) {
    int sum = start;
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      const Operands &row = all[lane / 4 * 4 + quarter], &column = all[(lane % 4 * 2 + i % 2) * 4 + quarter];
      for (unsigned half = 0; half < kHalves; ++half)
        sum = dp4a(int(row.a[2 * half + i / 2]), int(column.b[half]), sum);
    }
    d[i] = sum;
  }
}
inline void mma_s8_k32(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int start = 0) {
  mma_bytes<2>(d, a, b, start);
}
inline void mma_s8_k16(int (&d)[4], const uint32_t (&a)[2], uint32_t b, int start = 0) {
  mma_bytes<1>(d, a, &b, start);
}

}  // namespace vivace::cuda

#include "backends/cuda/mma_generic.h"
