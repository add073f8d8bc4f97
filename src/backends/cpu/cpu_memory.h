// Memory of the CPU device: buffers for tensors and weights, and scratch of the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/os/large_pages.h"
#include "device/tensor.h"

namespace vivace {

/// Zeroed host memory. Throws Error kOutOfMemory with the size.
std::unique_ptr<Buffer> make_cpu_buffer(size_t bytes, bool huge_pages);

/// One block of scratch for every thread of a stream, and one that all of them share. Stages say at recording how much
/// they need of the first, when they prepare how much of the second.
class WorkerScratch {
 public:
  void reserve(size_t floats);
  /// Allocates for `threads` threads what was reserved; not while stages run.
  void prepare(int32_t threads);
  /// Uninitialised, 64-byte aligned; of one thread until it returns from its chunk.
  float* of(int32_t worker) { return blocks_[worker].get(); }

  void reserve_shared(size_t floats);
  /// Of one stage at a time, from its first chunk to its last; not before all stages have prepared.
  float* shared() { return shared_.get(); }

 private:
  struct Free {
    void operator()(float* block) const;
  };
  size_t floats_ = 0;     // wanted
  size_t allocated_ = 0;  // in each block
  std::vector<std::unique_ptr<float[], Free>> blocks_;
  size_t shared_floats_ = 0;
  std::unique_ptr<float[], Free> shared_;

  static std::unique_ptr<float[], Free> make_block(size_t floats);
};

}  // namespace vivace
