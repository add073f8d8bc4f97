#include "engine/machine.h"

#include <algorithm>

#include "backends/registry.h"
#include "base/os/memory.h"
#include "base/os/topology.h"

namespace vivace {

Machine::Machine(const MachineOptions& options) {
  const CpuTopology topology = read_topology();
  host_.physical_cores = topology.useful_threads();
  host_.logical_cores = int32_t(topology.cpus.size());
  const int32_t threads = options.threads > 0 ? options.threads : host_.physical_cores;
  pool_ = std::make_unique<ThreadPool>(threads);
  const int64_t usable = read_memory_info().usable_now - int64_t(options.reserve_memory);
  DeviceOptions wanted;
  wanted.isa = options.isa;
  wanted.threads = threads;
  wanted.pretend_cpu_devices = options.pretend_cpu_devices;
  wanted.memory_usable = size_t(std::max<int64_t>(usable, 1));
  wanted.gpus = options.gpus;
  wanted.chosen = options.chosen_gpus;
  wanted.left_out = [this](const std::string& name, const Error& error) {
    notes_.push_back(name + " is not used: " + error.what());
  };
  wanted.pretence = options.pretence;
  wanted.cache = options.cache;
  if (options.backend == "cpu") {
    devices_ = open_devices(wanted, *pool_);
  } else {
    devices_.push_back(open_device(options.backend, wanted, *pool_));
  }
  for (const auto& device : devices_) device_pointers_.push_back(device.get());
}

Machine::~Machine() = default;

}  // namespace vivace
