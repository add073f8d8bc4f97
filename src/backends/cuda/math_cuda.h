// The machine instructions in PTX. Code for GPUs before the instruction (compute capability 7.5) takes the generic way.
#pragma once

#include <cstdint>

#include "backends/cuda/gpu.h"

#if defined(__CUDA_ARCH__)
#define VIVACE_ARCH __CUDA_ARCH__
#else
#define VIVACE_ARCH 0  // the host's pass: never runs
#endif

namespace vivace::cuda {

// Lanes.

template <class T>
VIVACE_DEVICE T shuffle(T value, int lane) {
  return __shfl_sync(0xFFFFFFFFu, value, lane);
}
template <class T>
VIVACE_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFu, value, mask);
}
template <class T>
VIVACE_DEVICE T shuffle_down(T value, int step) {
  return __shfl_down_sync(0xFFFFFFFFu, value, step);
}
VIVACE_DEVICE uint32_t ballot(bool vote) { return __ballot_sync(0xFFFFFFFFu, vote); }
VIVACE_DEVICE bool any_lane(bool vote) { return __any_sync(0xFFFFFFFFu, vote); }
VIVACE_DEVICE bool all_lanes(bool vote) { return __all_sync(0xFFFFFFFFu, vote); }
VIVACE_DEVICE void sync_warp() { __syncwarp(); }

// Bits and numbers.

VIVACE_DEVICE float bits_to_float(uint32_t bits) { return __uint_as_float(bits); }
VIVACE_DEVICE uint32_t float_to_bits(float value) { return __float_as_uint(value); }
VIVACE_DEVICE uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  return __byte_perm(low, high, selector);
}
VIVACE_DEVICE int population_count(uint32_t bits) { return __popc(bits); }
VIVACE_DEVICE int round_to_int(float value) { return __float2int_rn(value); }
/// Never fused with a neighbour.
VIVACE_DEVICE float add_rounded(float a, float b) { return __fadd_rn(a, b); }
VIVACE_DEVICE float multiply_rounded(float a, float b) { return __fmul_rn(a, b); }

/// To two units in the last place or so.
VIVACE_DEVICE float exp2_fast(float value) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
}
VIVACE_DEVICE float exp_fast(float value) { return __expf(value); }
VIVACE_DEVICE float divide_fast(float a, float b) { return __fdividef(a, b); }

VIVACE_DEVICE float half_to_float(uint16_t half) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(half));
  return result;
}
VIVACE_DEVICE uint16_t float_to_half(float value) {
  uint16_t result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return result;
}
/// Two f16, `low` in the low half.
VIVACE_DEVICE uint32_t pack_halves(float low, float high) {
#if VIVACE_ARCH >= 800
  uint32_t result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#else
  return float_to_half(low) | static_cast<uint32_t>(float_to_half(high)) << 16;
#endif
}
VIVACE_DEVICE uint16_t float_to_bf16(float value) {
  const uint32_t bits = float_to_bits(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}
VIVACE_DEVICE uint32_t pack_bf16(float low, float high) {
#if VIVACE_ARCH >= 800
  uint32_t result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#else
  return float_to_bf16(low) | static_cast<uint32_t>(float_to_bf16(high)) << 16;
#endif
}

/// a * b + c of two f16 each.
VIVACE_DEVICE uint32_t half2_fma(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
VIVACE_DEVICE uint32_t half2_multiply(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
VIVACE_DEVICE uint32_t half2_add(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

/// c + the sum of the products of four int8.
VIVACE_DEVICE int dp4a(int a, int b, int c) { return __dp4a(a, b, c); }

// Memory.

/// 16 bytes that no other thread of the multiprocessor will read: they pass the L1 by.
VIVACE_DEVICE uint4 load_once(const void* address) {
  uint4 result;
#if VIVACE_ARCH >= 700
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(result.x), "=r"(result.y), "=r"(result.z), "=r"(result.w)
      : "l"(address));
#else
  result = *static_cast<const uint4*>(address);
#endif
  return result;
}

VIVACE_DEVICE uint32_t shared_address(const void* address) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(address));
}

/// Starts copying `bytes` (0 to 16) to 16 bytes of shared memory; the rest becomes zero. Both addresses are multiples
/// of
/// 16. Nothing may be read before wait_copies() and a barrier.
VIVACE_DEVICE void copy_16_async(void* to, const void* from, int bytes = 16) {
#if VIVACE_ARCH >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
               : "memory");
#else
  uint4 value = make_uint4(0, 0, 0, 0);
  if (bytes == 16) {
    value = *static_cast<const uint4*>(from);
  } else {
    uint8_t* low = reinterpret_cast<uint8_t*>(&value);
    for (int i = 0; i < bytes; ++i) low[i] = static_cast<const uint8_t*>(from)[i];
  }
  *static_cast<uint4*>(to) = value;
#endif
}
/// Ends a group of copies.
VIVACE_DEVICE void commit_copies() {
#if VIVACE_ARCH >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until at most kLeft of this thread's groups are under way, the latest ones.
template <int kLeft>
VIVACE_DEVICE void wait_copies() {
#if VIVACE_ARCH >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
#endif
}

/// The contract is in launch.h.
VIVACE_DEVICE void wait_for_previous_kernel() {
#if VIVACE_ARCH >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
VIVACE_DEVICE void allow_next_kernel() {
#if VIVACE_ARCH >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace vivace::cuda

#include "backends/cuda/mma_generic.h"

namespace vivace::cuda {

// Matrices in fragments, as the PTX manual lays them out.

/// Loads 8 x 8 matrices of 16-bit values from shared memory: lane l passes the address of row l % 8 of matrix l / 8.
VIVACE_DEVICE void load_matrices(uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(shared_address(row))
               : "memory");
}
VIVACE_DEVICE void load_matrices(uint32_t (&out)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(out[0]), "=r"(out[1])
               : "r"(shared_address(row))
               : "memory");
}
VIVACE_DEVICE void load_matrices_transposed(uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(shared_address(row))
               : "memory");
}
VIVACE_DEVICE void load_matrices_transposed(uint32_t (&out)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(out[0]), "=r"(out[1])
               : "r"(shared_address(row))
               : "memory");
}

/// c += a b^T, m16n8k16.
VIVACE_DEVICE void mma_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if VIVACE_ARCH >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  mma_16_generic(c, a, b, [](uint32_t pair) {
    return make_float2(half_to_float(static_cast<uint16_t>(pair)), half_to_float(static_cast<uint16_t>(pair >> 16)));
  });
#endif
}
VIVACE_DEVICE void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if VIVACE_ARCH >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  mma_16_generic(
      c, a, b, [](uint32_t pair) { return make_float2(bits_to_float(pair << 16), bits_to_float(pair & 0xFFFF0000u)); });
#endif
}

/// d = a b^T + start, m16n8k32 and m16n8k16 of int8.
VIVACE_DEVICE void mma_s8_k32(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int start = 0) {
#if VIVACE_ARCH >= 800
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %10, %10, %10};"
      : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(start));
#else
  mma_s8_generic<2>(d, a, b, start);
#endif
}
VIVACE_DEVICE void mma_s8_k16(int (&d)[4], const uint32_t (&a)[2], uint32_t b, int start = 0) {
#if VIVACE_ARCH >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%7, %7, %7, %7};"
      : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b), "r"(start));
#else
  mma_s8_generic<1>(d, a, &b, start);
#endif
}

}  // namespace vivace::cuda
