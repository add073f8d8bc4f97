// A grid on the host: the threads of a block are fibers of one host thread, which change places only where they wait
// for each other (__syncthreads, warp collectives). Blocks are shared out to host threads; a block runs to its end
// before the next one begins there, so that results don't depend on how many host threads there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "backends/cuda/emulator/types.h"

namespace vivace::cuda {

extern thread_local constinit uint3 threadIdx, blockIdx;
extern thread_local constinit dim3 blockDim, gridDim;

constexpr int warpSize = 32;
constexpr size_t kMostDynamicShared = size_t{227} << 10;  // bytes, as on Hopper

/// The block's dynamic shared memory; filled with NaN before each block.
void* dynamic_shared();

/// Threads of the block that have not ended all arrive here before any goes on.
void __syncthreads();

/// The same for the lanes of a warp, each of which leaves `bytes` (at most kExchangeBytes) behind. Returns where those
/// of lane 0 lie, kExchangeBytes apart, until the next but one exchange.
constexpr size_t kExchangeBytes = 64;
const uint8_t* exchange_bytes(const void* mine, size_t bytes);

/// What each lane of the warp passed.
template <class T>
class Exchanged {
 public:
  explicit Exchanged(const T& mine) : all_(exchange_bytes(&mine, sizeof(T))) {
    static_assert(sizeof(T) <= kExchangeBytes);
  }
  const T& operator[](unsigned lane) const { return *reinterpret_cast<const T*>(all_ + lane * kExchangeBytes); }

 private:
  const uint8_t* all_;
};

/// cp.async: the copy is made at the wait, so that code which doesn't wait reads what was there before.
void start_copy(void* to, const void* from, int bytes);
void commit_started_copies();
void wait_started_copies(int groups_left);

/// griddepcontrol.wait: the launch fails where a thread ends without it.
void mark_waited();

/// Runs `thread` once for each thread of the grid. Empty, or what went wrong: threads that wait for each other in vain,
/// a thread that ended without mark_waited(), copies never waited for, more threads or shared memory than a block has.
const char* run_grid(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& thread);

}  // namespace vivace::cuda
