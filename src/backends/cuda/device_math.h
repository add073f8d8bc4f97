// The machine instructions that kernels use, one small function each; each has a twin in plain C++ for the emulator and
// for GPUs without the instruction. All lanes of a warp call shuffles, votes, barriers and matrix functions together.
// A warp is 32 threads that are neighbours in threadIdx.x, on every GPU; blocks are multiples of 32 threads wide.
#pragma once

#include "backends/cuda/gpu.h"

#if defined(VIVACE_GPU_EMULATED)
#include "backends/cuda/emulator/device_math.h"
#elif defined(VIVACE_GPU_HIP)
#include "backends/cuda/math_hip.h"
#elif defined(__CUDACC__)
#include "backends/cuda/math_cuda.h"
#endif

#if defined(VIVACE_DEVICE)
namespace vivace::cuda {

/// Two f16 (or bf16), the first in the low half, as floats.
VIVACE_DEVICE float2 unpack_halves(uint32_t pair) {
  return make_float2(half_to_float(static_cast<uint16_t>(pair)), half_to_float(static_cast<uint16_t>(pair >> 16)));
}
VIVACE_DEVICE float bf16_to_float(uint16_t half) { return bits_to_float(static_cast<uint32_t>(half) << 16); }
VIVACE_DEVICE float2 unpack_bf16(uint32_t pair) {
  return make_float2(bits_to_float(pair << 16), bits_to_float(pair & 0xFFFF0000u));
}
VIVACE_DEVICE uint32_t two_halves_to_bf16(uint32_t pair) {
  const float2 values = unpack_halves(pair);
  return pack_bf16(values.x, values.y);
}

/// Sum and maximum over the warp, the same bits in every lane.
VIVACE_DEVICE float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += shuffle_xor(value, step);
  return value;
}
VIVACE_DEVICE float warp_max(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value = fmaxf(value, shuffle_xor(value, step));
  return value;
}

/// Sum over a block of 32 * kWarps threads along x, the same bits in every thread. `scratch` is kWarps + 1 floats of
/// shared memory that no earlier call still reads: two calls in a row take turns with two scratches.
template <int kWarps>
VIVACE_DEVICE float block_sum(float value, float* scratch) {
  value = warp_sum(value);
  if constexpr (kWarps == 1) return value;
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) sum += scratch[warp];
  return sum;
}

}  // namespace vivace::cuda
#endif
