// The devices of this machine, by name. registry.cpp is the only file that names backends.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "device/device.h"

namespace vivace {

struct DeviceOptions {
  std::string isa;              // kernel set of the CPU; empty: the best this machine runs
  int threads = 0;              // most threads of a stream, 0: the pool's size
  int pretend_cpu_devices = 1;  // "cpu", "cpu1", …: one machine as several devices, to try splits
  size_t memory_usable = 0;     // bytes, shared evenly by the CPU devices
  bool huge_pages = true;
};

/// Every device that a model may be placed on, best first; the oracle "reference" is opened by name only.
/// The pool must outlive the devices. Throws Error kUnsupported, kInvalidArgument.
std::vector<std::unique_ptr<Device>> open_devices(const DeviceOptions& options, ThreadPool& pool);

/// The device of one name ("cpu", "cpu1", …, "reference"); throws Error kNotFound with the names there are.
std::unique_ptr<Device> open_device(std::string_view name, const DeviceOptions& options, ThreadPool& pool);

/// The names open_device() takes.
std::vector<std::string> device_names(const DeviceOptions& options);

}  // namespace vivace
