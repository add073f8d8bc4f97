// The one include of the vendor's runtime. Sources use CUDA's names; HIP gives them its own functions, the emulator
// runs them on the host. VIVACE_GPU_EMULATED and VIVACE_GPU_HIP choose; neither: CUDA.
#pragma once

#if defined(VIVACE_GPU_EMULATED)
#include "backends/cuda/emulator/runtime.h"
#elif defined(VIVACE_GPU_HIP)
#include "backends/cuda/gpu_hip.h"
#else
#include <cuda_runtime.h>
#endif

#if defined(VIVACE_GPU_EMULATED)
#define VIVACE_HOST_DEVICE inline
#define VIVACE_DEVICE inline
#define VIVACE_KERNEL(threads) void
#define VIVACE_GRID_CONSTANT
#define VIVACE_CONSTANT
#define VIVACE_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(dynamic_shared())
#elif defined(__CUDACC__) || defined(__HIP__)
#define VIVACE_HOST_DEVICE __host__ __device__ inline
#define VIVACE_DEVICE __device__ __forceinline__
/// A kernel that runs in blocks of at most so many threads: `VIVACE_KERNEL(256) add_kernel(AddParams params) { … }`.
#define VIVACE_KERNEL(threads) __global__ void __launch_bounds__(threads)
/// A table in device memory: `static VIVACE_CONSTANT const Table kTable = make_table();`. Not __constant__ memory,
/// which serves one address a time.
#define VIVACE_CONSTANT __device__
/// Before a parameter that is a large struct: it is read where it lies, not copied to each thread.
#if defined(__CUDACC__)
#define VIVACE_GRID_CONSTANT __grid_constant__
#else
#define VIVACE_GRID_CONSTANT
#endif
/// The block's dynamic shared memory as `type* name`, aligned to 16 bytes.
#define VIVACE_DYNAMIC_SHARED(type, name)                        \
  extern __shared__ __align__(16) unsigned char vivace_shared[]; \
  type* name = reinterpret_cast<type*>(vivace_shared)
#else
#define VIVACE_HOST_DEVICE inline
#endif
