// How fast a device of this machine is, measured in seconds: what the planner predicts with.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/thread_pool.h"
#include "device/device.h"
#include "plan/cost/device_speed.h"

namespace vivace {

struct MeasureOptions {
  std::string isa;      // kernel set of the CPU; empty: the best
  int32_t threads = 1;  // that compute
  int32_t cores = 1;    // physical ones, for the curve over threads
  size_t memory = 0;    // bytes of the host's memory that may be taken for a while
  /// Called with parts done and parts in all; false ends it by Error kCancelled.
  std::function<bool(size_t done, size_t total)> progress;
};

/// The CPU, with every weight format. Takes about ten seconds. Throws Error kOutOfMemory, kCancelled.
DeviceSpeed measure_cpu_speed(const MeasureOptions& options);

/// Of a GPU that has measured its own roofs (Device::measure): a step reaches a share of them.
DeviceSpeed speed_of_measured_gpu(const DeviceInfo& info);

}  // namespace vivace
