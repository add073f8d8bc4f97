#include "backends/registry.h"

#include <algorithm>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/detect.h"
#include "backends/cpu/measure.h"
#include "base/error.h"
#include "base/os/gpu_nodes.h"
#if defined(VIVACE_CUDA)
#include "backends/cuda/cuda_device.h"
#endif
#if defined(VIVACE_VULKAN)
#include "backends/vulkan/vulkan_device.h"
#endif
#include "device/reference/reference_device.h"

namespace vivace {
namespace {

/// A kind of device: the names it has here, and how to open one.
struct BackendRow {
  std::vector<std::string> (*names)(const DeviceOptions& options);
  std::unique_ptr<Device> (*open)(const std::string& name, const DeviceOptions& options, ThreadPool& pool);
  bool listed;  // open_devices() opens it
  bool gpu;
  /// Whether a GPU is played by the CPU.
  bool (*is_software)(const std::string& name,
                      const DeviceOptions& options) = [](const std::string&, const DeviceOptions&) { return false; };
};

std::vector<std::string> cpu_names(const DeviceOptions& options) {
  std::vector<std::string> names{"cpu"};
  for (int i = 1; i < options.pretend_cpu_devices; ++i) names.push_back("cpu" + std::to_string(i));
  return names;
}

std::unique_ptr<Device> open_cpu(const std::string& name, const DeviceOptions& options, ThreadPool& pool) {
  CpuOptions cpu;
  cpu.id = name;
  cpu.isa = options.isa;
  cpu.threads = options.threads;
  cpu.memory_usable = options.memory_usable / size_t(std::max(1, options.pretend_cpu_devices));
  cpu.huge_pages = options.huge_pages;
  return make_cpu_device(cpu, pool);
}

std::vector<std::string> reference_names(const DeviceOptions&) { return {"reference"}; }

std::unique_ptr<Device> open_reference(const std::string&, const DeviceOptions&, ThreadPool&) {
  return make_reference_device();
}

#if defined(VIVACE_CUDA)
std::vector<std::string> cuda_names(const DeviceOptions& options) {
  const int found = cuda::count_devices();
  const int count = found > 0 && options.pretence.devices > 1 ? options.pretence.devices : found;
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("cuda" + std::to_string(i));
  return names;
}

std::unique_ptr<Device> open_cuda(const std::string& name, const DeviceOptions& options, ThreadPool&) {
  cuda::CudaOptions cuda;
  cuda.id = name;
  cuda.shared_by = options.pretence.devices;
  cuda.index = cuda.shared_by > 1 ? 0 : std::stoi(name.substr(4));
  cuda.memory = options.pretence.memory_of(name);
  cuda.faults = options.pretence.faults;
  return cuda::make_cuda_device(cuda);
}
#endif

#if defined(VIVACE_VULKAN)
std::vector<std::string> vulkan_names(const DeviceOptions& options) {
  const size_t found = vulkan::list_gpus().size();
  const size_t count = found > 0 && options.pretence.devices > 1 ? size_t(options.pretence.devices) : found;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back("vulkan" + std::to_string(i));
  return names;
}

/// Which of the driver's devices a name stands for.
size_t vulkan_index(const std::string& name, const DeviceOptions& options) {
  return options.pretence.devices > 1 ? 0 : std::stoul(name.substr(6));
}

bool vulkan_is_software(const std::string& name, const DeviceOptions& options) {
  return vulkan::list_gpus().at(vulkan_index(name, options)).kind == DeviceKind::kSoftware;
}

std::unique_ptr<Device> open_vulkan(const std::string& name, const DeviceOptions& options, ThreadPool&) {
  vulkan::VulkanOptions device;
  device.id = name;
  device.shared_by = options.pretence.devices;
  device.memory = options.pretence.memory_of(name);
  device.faults = options.pretence.faults;
  vulkan::GpuOptions gpu;
  gpu.index = int(vulkan_index(name, options));
  gpu.cache = options.cache;
  return vulkan::make_vulkan_device(vulkan::Gpu::open(gpu), device);
}
#endif

// Best first: of two backends for the same hardware the earlier one counts.
constexpr BackendRow kBackends[] = {
    {cpu_names, open_cpu, true, false},
#if defined(VIVACE_CUDA)
    {cuda_names, open_cuda, true, true},
#endif
#if defined(VIVACE_VULKAN)
    {vulkan_names, open_vulkan, true, true, vulkan_is_software},
#endif
    {reference_names, open_reference, false, false},
};

std::unique_ptr<Device> open_chosen(const std::string& name, const DeviceOptions& options, ThreadPool& pool) {
  for (const BackendRow& row : kBackends) {
    if (!row.gpu) continue;
    const std::vector<std::string> names = row.names(options);
    if (std::find(names.begin(), names.end(), name) != names.end()) return row.open(name, options, pool);
  }
  std::string known;
  for (const std::string& each : gpu_names(options)) known += (known.empty() ? "" : ", ") + each;
  throw Error(ErrorCode::kNotFound, "no GPU is called " + name,
              known.empty() ? "this program finds no GPU here" : "the GPUs here are " + known);
}

/// Drops devices whose hardware an earlier device of another backend is already.
std::vector<std::unique_ptr<Device>> without_twins(std::vector<std::unique_ptr<Device>> devices) {
  const auto backend = [](const Device& device) {
    const std::string& id = device.info().id;
    return id.substr(0, id.find_first_of("0123456789"));
  };
  std::vector<std::unique_ptr<Device>> kept;
  for (auto& device : devices) {
    const bool twin = !device->info().uuid.empty() && std::any_of(kept.begin(), kept.end(), [&](const auto& other) {
      return other->info().uuid == device->info().uuid && backend(*other) != backend(*device);
    });
    if (!twin) kept.push_back(std::move(device));
  }
  return kept;
}

}  // namespace

std::vector<std::unique_ptr<Device>> open_devices(const DeviceOptions& options, ThreadPool& pool) {
  std::vector<std::unique_ptr<Device>> devices;
  for (const BackendRow& row : kBackends) {
    if (!row.listed || row.gpu) continue;
    for (const std::string& name : row.names(options)) devices.push_back(row.open(name, options, pool));
  }
  if (!options.gpus) return devices;
  if (!options.chosen.empty()) {
    for (const std::string& name : options.chosen) devices.push_back(open_chosen(name, options, pool));
    return devices;
  }
  if (!may_have_gpu()) return devices;
  for (const BackendRow& row : kBackends) {
    if (!row.listed || !row.gpu) continue;
    for (const std::string& name : row.names(options)) {
      if (row.is_software(name, options)) continue;
      try {
        devices.push_back(row.open(name, options, pool));
      } catch (const Error& error) {
        if (!options.left_out) throw;
        options.left_out(name, error);
      }
    }
  }
  return without_twins(std::move(devices));
}

std::unique_ptr<Device> open_device(std::string_view name, const DeviceOptions& options, ThreadPool& pool) {
  for (const BackendRow& row : kBackends) {
    const std::vector<std::string> names = row.names(options);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return row.open(*found, options, pool);
  }
  std::string known;
  for (const std::string& each : device_names(options)) known += (known.empty() ? "" : ", ") + each;
  throw Error(ErrorCode::kNotFound, "no device is called " + std::string(name), "the devices here are " + known);
}

std::vector<std::string> gpu_names(const DeviceOptions& options) {
  std::vector<std::string> all;
  for (const BackendRow& row : kBackends) {
    if (!row.gpu) continue;
    for (std::string& name : row.names(options)) all.push_back(std::move(name));
  }
  return all;
}

std::vector<std::string> device_names(const DeviceOptions& options) {
  std::vector<std::string> all;
  for (const BackendRow& row : kBackends) {
    for (std::string& name : row.names(options)) all.push_back(std::move(name));
  }
  return all;
}

double measure_cpu_stream(const DeviceOptions& options, ThreadPool& pool, size_t bytes) {
  return measure_stream(kernel_table(options.isa), pool, bytes, PageMemory::Pages::kLarge);
}

double measure_cpu_int8(const DeviceOptions& options, ThreadPool& pool) {
  return measure_int8(kernel_table(options.isa), pool);
}

CpuLimits measure_cpu(const DeviceOptions& options, ThreadPool& pool, size_t bytes) {
  return measure_cpu_limits(kernel_table(options.isa), pool, bytes);
}

}  // namespace vivace
