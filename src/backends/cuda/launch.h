// How an operation's file gets its kernels onto a stream.
//
// The contract of kernels. Kernels of a stream overlap (programmatic dependent launch): one may start while the kernel
// before it still runs. So every thread of every kernel calls wait_for_previous_kernel() exactly once, also those that
// leave early, before it touches memory that an earlier kernel writes or reads; only weights and parameters may be read
// before. allow_next_kernel() lets the next kernel start; it comes first, so that a matmul behind a small kernel
// fetches its weights while the kernel before that still runs. The emulator checks that no thread ends without the
// wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/gpu.h"
#include "backends/cuda/step_view.h"
#include "device/ops.h"

namespace vivace::cuda {

/// What kernels are cut to.
struct DeviceFacts {
  int32_t compute = 0;           // 90: compute capability 9.0
  int32_t multiprocessors = 1;   // SMs
  int32_t shared_per_block = 0;  // bytes, the most that a block can ask for
  int32_t shared_per_sm = 0;     // bytes
  int32_t threads_per_sm = 2048;
  size_t l2_bytes = 0;
};

/// Where and for what a recorded step enqueues its kernels.
struct Launch {
  cudaStream_t stream = nullptr;
  const DeviceFacts* device = nullptr;
  StepView step;
  int32_t tokens = 0;            // bucket: at least the tokens of every step that runs this recording
  int32_t outputs = 0;           // bucket of the outputs
  uint8_t* workspace = nullptr;  // scratch of the stream; its contents live as long as one operation
  size_t workspace_bytes = 0;

  /// Most rows of a row set: what grids are sized by.
  int32_t rows(RowSet set) const { return set == RowSet::kTokens ? tokens : outputs; }
  /// Where kernels read how many rows there are.
  const int32_t* count(RowSet set) const { return set == RowSet::kTokens ? step.tokens_count() : step.outputs_count(); }
};

/// Throws Error for a status of the runtime: kOutOfMemory or kDeviceLost, with the call's name.
void check_gpu(cudaError_t status, const char* call);

/// The address of a buffer of this backend on the device.
uint8_t* device_address(const Buffer* buffer, size_t offset);

inline float* device_floats(const Tensor& tensor) {
  return tensor ? reinterpret_cast<float*>(device_address(tensor.buffer, tensor.offset)) : nullptr;
}
inline const uint8_t* device_weight(const Weight& weight) {
  return weight ? device_address(weight.buffer, weight.offset) : nullptr;
}
/// A vector [1, n] in F32, or null where it is absent.
inline const float* device_vector(const Weight& weight) {
  return reinterpret_cast<const float*>(device_weight(weight));
}

#if defined(VIVACE_GPU_EMULATED)

/// Runs kernel(arguments…) over a grid of blocks, each with `shared_bytes` of dynamic shared memory.
template <class... Parameters, class... Arguments>
void launch_kernel(const Launch& launch, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                   Arguments... arguments) {
  check_gpu(launch_emulated(launch.stream, grid, block, shared_bytes, [=] { kernel(arguments...); }), "launch");
}

#elif defined(VIVACE_GPU_HIP)

template <class... Parameters, class... Arguments>
void launch_kernel(const Launch& launch, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                   Arguments... arguments) {
  hipLaunchKernelGGL(kernel, grid, block, uint32_t(shared_bytes), launch.stream, Parameters(arguments)...);
  check_gpu(hipGetLastError(), "launch");
}

#else

template <class... Parameters, class... Arguments>
void launch_kernel(const Launch& launch, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                   Arguments... arguments) {
  constexpr size_t kWithoutAsking = size_t{48} << 10;
  if (shared_bytes > kWithoutAsking) {
    check_gpu(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(shared_bytes)),
              "cudaFuncSetAttribute");
  }
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = launch.stream;
  config.attrs = &overlap;
  config.numAttrs = launch.device->compute >= 90 ? 1 : 0;
  check_gpu(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...), "cudaLaunchKernelEx");
}

#endif

}  // namespace vivace::cuda
