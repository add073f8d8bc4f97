// One device with its stream and inputs, to take the time of single operations.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "device/device.h"

namespace vivace {

class KernelRig {
 public:
  explicit KernelRig(Device& device);

  Device& device() { return device_; }

  /// One sequence of `tokens` tokens behind `depth` others.
  void set_step(int32_t tokens, int32_t depth = 0);
  /// Threads of the next steps.
  void set_threads(int32_t threads) { stream_->set_threads(threads); }

  /// Memory that holds one harmless byte everywhere, which is a small normal number in every format.
  Buffer& buffer(size_t bytes, BufferUse use);

  /// Runs the calls as one step and takes the time: once to warm up, then until `seconds` or `most` runs are through,
  /// at least two. The median, in seconds.
  double median_seconds(const std::function<void(Ops& ops)>& calls, double seconds, int most = 7);

  /// The time of one run under calls that no other run has had.
  double first_seconds(const std::function<void(Ops& ops)>& calls);

  static constexpr int32_t kMostTokens = 512;
  static constexpr int32_t kMostPositions = 8192;

 private:
  Device& device_;
  StepInputs inputs_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::unique_ptr<Stream> stream_;
  uint64_t key_ = 0;
};

}  // namespace vivace
