// The devices of this machine, by name. registry.cpp is the only file that names backends.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/pretend.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "device/device.h"

namespace vivace {

struct DeviceOptions {
  std::string isa;              // kernel set of the CPU; empty: the best this machine runs
  int threads = 0;              // most threads of a stream, 0: the pool's size
  int pretend_cpu_devices = 1;  // "cpu", "cpu1", …: one machine as several devices, to try splits
  size_t memory_usable = 0;     // bytes, shared evenly by the CPU devices
  bool huge_pages = true;
  bool gpus = true;                 // false: the CPU alone, without the time it takes to wake a driver
  std::vector<std::string> chosen;  // the GPUs to open; empty: all that are no software
  /// Called for a GPU that was not chosen by name and can't be opened, which is left out; unset: that is an error.
  std::function<void(const std::string& name, const Error& error)> left_out;
  DevicePretence pretence;      // of GPUs
  std::filesystem::path cache;  // folder for compiled pipelines; empty: nothing is kept
};

/// Every device that a model may be placed on: the CPU first, then GPUs; software that plays a GPU, and the oracle
/// "reference", are opened by name only. Hardware that two backends reach is there once, by the better one, unless it
/// was chosen. The pool must outlive the devices. Throws Error kNotFound, kUnsupported, kInvalidArgument.
std::vector<std::unique_ptr<Device>> open_devices(const DeviceOptions& options, ThreadPool& pool);

/// The device of one name ("cpu", "cpu1", …, "reference"); throws Error kNotFound with the names there are.
std::unique_ptr<Device> open_device(std::string_view name, const DeviceOptions& options, ThreadPool& pool);

/// The names open_device() takes.
std::vector<std::string> device_names(const DeviceOptions& options);

/// The names of GPUs, software included.
std::vector<std::string> gpu_names(const DeviceOptions& options);

/// What no kernel can pass on this CPU with all threads of the pool together.
struct CpuLimits {
  double stream_normal_pages = 0;  // bytes read per second from memory on the system's pages
  double stream_large_pages = 0;   // and on large ones, where the system gives them
  double int8_macs = 0;            // int8 multiply-adds per second, in vector registers
};

/// Bytes per second when all threads of the pool read their parts of `bytes` of memory on large pages again and again:
/// from memory, or from a cache that holds them. Throws as measure_cpu().
double measure_cpu_stream(const DeviceOptions& options, ThreadPool& pool, size_t bytes);
/// int8 multiply-adds per second of all threads of the pool. Throws Error kUnsupported.
double measure_cpu_int8(const DeviceOptions& options, ThreadPool& pool);

/// Measures them now, with the kernel set of the options, in about a second and `bytes` of fresh memory (far more than
/// the caches hold). Throws Error kUnsupported, kOutOfMemory.
CpuLimits measure_cpu(const DeviceOptions& options, ThreadPool& pool, size_t bytes);

}  // namespace vivace
