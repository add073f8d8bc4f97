// The machine instructions for HIP: what its compiler offers, else the generic way. Wavefronts may be 64 lanes wide;
// a warp of ours is one half.
#pragma once

#include <cstdint>

#include "backends/cuda/gpu.h"

namespace vivace::cuda {

template <class T>
VIVACE_DEVICE T shuffle(T value, int lane) {
  return __shfl(value, lane, 32);
}
template <class T>
VIVACE_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor(value, mask, 32);
}
template <class T>
VIVACE_DEVICE T shuffle_down(T value, int step) {
  return __shfl_down(value, step, 32);
}
VIVACE_DEVICE uint32_t ballot(bool vote) {
  return static_cast<uint32_t>(static_cast<uint64_t>(__ballot(vote)) >> (__lane_id() & 32u));
}
VIVACE_DEVICE bool any_lane(bool vote) { return ballot(vote) != 0; }
VIVACE_DEVICE bool all_lanes(bool vote) { return ballot(!vote) == 0; }
VIVACE_DEVICE void sync_warp() {
  __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "wavefront");
  __builtin_amdgcn_wave_barrier();
}

VIVACE_DEVICE float bits_to_float(uint32_t bits) { return __uint_as_float(bits); }
VIVACE_DEVICE uint32_t float_to_bits(float value) { return __float_as_uint(value); }
/// Bytes of {high, low} that the nibbles of the selector choose.
VIVACE_DEVICE uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t which = selector >> (4 * i) & 7;
    result |= static_cast<uint32_t>(both >> (8 * which) & 255) << (8 * i);
  }
  return result;
}
VIVACE_DEVICE int population_count(uint32_t bits) { return __popc(bits); }
VIVACE_DEVICE int round_to_int(float value) { return __float2int_rn(value); }
VIVACE_DEVICE float add_rounded(float a, float b) { return __fadd_rn(a, b); }
VIVACE_DEVICE float multiply_rounded(float a, float b) { return __fmul_rn(a, b); }
VIVACE_DEVICE float exp2_fast(float value) { return exp2f(value); }
VIVACE_DEVICE float exp_fast(float value) { return __expf(value); }
VIVACE_DEVICE float divide_fast(float a, float b) { return a / b; }

union HalfBits {
  uint16_t bits;
  _Float16 value;
};
VIVACE_DEVICE float half_to_float(uint16_t half) {
  HalfBits both;
  both.bits = half;
  return static_cast<float>(both.value);
}
VIVACE_DEVICE uint16_t float_to_half(float value) {
  HalfBits both;
  both.value = static_cast<_Float16>(value);
  return both.bits;
}
VIVACE_DEVICE uint32_t pack_halves(float low, float high) {
  return float_to_half(low) | static_cast<uint32_t>(float_to_half(high)) << 16;
}
VIVACE_DEVICE uint16_t float_to_bf16(float value) {
  const uint32_t bits = float_to_bits(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}
VIVACE_DEVICE uint32_t pack_bf16(float low, float high) {
  return float_to_bf16(low) | static_cast<uint32_t>(float_to_bf16(high)) << 16;
}

VIVACE_DEVICE uint32_t half2_fma(uint32_t a, uint32_t b, uint32_t c) {
  return pack_halves(half_to_float(a) * half_to_float(b) + half_to_float(c),
                     half_to_float(a >> 16) * half_to_float(b >> 16) + half_to_float(c >> 16));
}
VIVACE_DEVICE uint32_t half2_multiply(uint32_t a, uint32_t b) { return half2_fma(a, b, 0x80008000u); }
VIVACE_DEVICE uint32_t half2_add(uint32_t a, uint32_t b) { return half2_fma(a, 0x3C003C00u, b); }

VIVACE_DEVICE int dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i);
  return c;
}

VIVACE_DEVICE uint4 load_once(const void* address) { return *static_cast<const uint4*>(address); }

VIVACE_DEVICE void copy_16_async(void* to, const void* from, int bytes = 16) {
  uint8_t values[16] = {};
  for (int i = 0; i < bytes; ++i) values[i] = static_cast<const uint8_t*>(from)[i];
  __builtin_memcpy(to, values, 16);
}
VIVACE_DEVICE void commit_copies() {}
template <int kLeft>
VIVACE_DEVICE void wait_copies() {}
VIVACE_DEVICE void wait_for_previous_kernel() {}
VIVACE_DEVICE void allow_next_kernel() {}

}  // namespace vivace::cuda

#include "backends/cuda/mma_generic.h"

namespace vivace::cuda {

template <int kCount>
VIVACE_DEVICE void load_matrices(uint32_t (&out)[kCount], const void* row) {
  load_matrices_generic(out, row);
}
template <int kCount>
VIVACE_DEVICE void load_matrices_transposed(uint32_t (&out)[kCount], const void* row) {
  load_matrices_transposed_generic(out, row);
}
VIVACE_DEVICE void mma_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma_16_generic(c, a, b, [](uint32_t pair) {
    return make_float2(half_to_float(static_cast<uint16_t>(pair)), half_to_float(static_cast<uint16_t>(pair >> 16)));
  });
}
VIVACE_DEVICE void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma_16_generic(
      c, a, b, [](uint32_t pair) { return make_float2(bits_to_float(pair << 16), bits_to_float(pair & 0xFFFF0000u)); });
}
VIVACE_DEVICE void mma_s8_k32(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int start = 0) {
  mma_s8_generic<2>(d, a, b, start);
}
VIVACE_DEVICE void mma_s8_k16(int (&d)[4], const uint32_t (&a)[2], uint32_t b, int start = 0) {
  mma_s8_generic<1>(d, a, &b, start);
}

}  // namespace vivace::cuda
