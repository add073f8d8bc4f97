#include "advise/local_machine.h"

#include "base/error.h"
#include "base/os/memory.h"
#include "base/os/topology.h"
#include "plan/cost/guess_speed.h"

namespace vivace {

SpeedKey speed_key(const DeviceInfo& info, const std::string& version) {
  SpeedKey key;
  key.version = version;
  key.device = info.id;
  key.name = info.name;
  key.kernels = info.isa;
  if (info.kind == DeviceKind::kCpu) {
    const CpuTopology topology = read_topology();
    key.name = topology.model_name;
    key.threads = topology.useful_threads();
    key.memory = read_memory_info().total;
  }
  return key;
}

std::string machine_fingerprint() {
  const CpuTopology topology = read_topology();
  const int64_t gibibytes = (read_memory_info().total + (1 << 29)) >> 30;
  return topology.model_name + "|" + std::to_string(topology.useful_threads()) + " threads|" +
         std::to_string(gibibytes) + " GiB";
}

std::vector<DeviceSpeed> stored_speeds(const std::filesystem::path& data_folder, std::span<Device* const> devices,
                                       const std::string& version,
                                       const std::function<void(const std::string& note)>& tell) {
  std::vector<DeviceSpeed> speeds;
  try {
    std::optional<SpeedStore> store = SpeedStore::open_existing(data_folder, tell);
    if (!store) return speeds;
    for (const Device* device : devices) {
      if (auto speed = store->find(speed_key(device->info(), version))) speeds.push_back(std::move(*speed));
    }
  } catch (const Error& error) {
    if (tell) tell(std::string("measured speeds can't be read: ") + error.what());
  }
  return speeds;
}

std::vector<DeviceSpeed> guessed_speeds(std::span<Device* const> devices, int32_t cores) {
  std::vector<DeviceSpeed> speeds;
  for (const Device* device : devices) speeds.push_back(guess_speed(device->info(), cores));
  return speeds;
}

}  // namespace vivace
