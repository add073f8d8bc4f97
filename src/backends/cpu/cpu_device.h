// The CPU as a device: buffers in host memory, a stream that records calls and runs a step in one parallel region.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "device/device.h"

namespace vivace {

struct CpuOptions {
  std::string id = "cpu";
  std::string isa;           // kernel set; empty: the best this machine runs
  int threads = 0;           // most threads of a stream, 0: the pool's size
  size_t memory_usable = 0;  // bytes, as DeviceInfo reports it
  bool huge_pages = true;    // ask for them in large buffers
};

/// The pool must outlive the device. Throws Error kUnsupported for an instruction set that this machine or build lacks,
/// kInvalidArgument for more threads than the pool has.
///
/// Its streams keep the recorded programs of up to 64 keys, the least recently used one makes room. What the recorded
/// calls name (buffers, KV slabs) must live as long as their key is used. Calls without begin() run once at sync().
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options, ThreadPool& pool);

}  // namespace vivace
