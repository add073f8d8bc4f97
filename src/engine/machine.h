// The machine: its facts, its devices and the one thread pool of the process, lent to engines.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backends/pretend.h"
#include "base/thread_pool.h"
#include "device/device.h"
#include "plan/plan.h"

namespace vivace {

struct MachineOptions {
  std::string backend = "cpu";                // or "reference"
  std::string isa;                            // force a kernel set, "": the best
  int32_t threads = 0;                        // size of the pool; 0: the most a plan may use
  int32_t pretend_cpu_devices = 1;            // more: as many "cpu" devices, to try split models
  size_t reserve_memory = size_t{512} << 20;  // bytes of host memory left to others
  bool gpus = true;                           // false: the CPU alone
  std::vector<std::string> chosen_gpus;       // by name; empty: all that are no software
  DevicePretence pretence;                    // GPUs one doesn't have
  std::filesystem::path cache;                // folder for compiled pipelines; empty: nothing is kept
};

class Machine {
 public:
  /// Looks at the machine and opens its devices. Throws Error kUnsupported for an unknown backend or kernel set.
  explicit Machine(const MachineOptions& options);
  ~Machine();

  ThreadPool& pool() { return *pool_; }
  const HostFacts& host() const { return host_; }
  std::span<Device* const> devices() const { return device_pointers_; }
  /// GPUs that could not be opened, a sentence each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  HostFacts host_;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<Device*> device_pointers_;
  std::vector<std::string> notes_;
};

}  // namespace vivace
