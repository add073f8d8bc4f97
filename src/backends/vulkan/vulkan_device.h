// GPUs through Vulkan as devices.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/vulkan/gpu.h"
#include "device/device.h"
#include "device/fault.h"

namespace vivace::vulkan {

struct VulkanOptions {
  std::string id = "vulkan0";
  int shared_by = 1;             // devices that pretend to be this one: each has its part of the memory
  std::optional<size_t> memory;  // bytes: pretended, a hard budget
  DeviceFaultPlan faults;
  std::optional<bool> unified;  // whether buffers are host memory; by itself: on integrated GPUs
};

/// Its streams record each (key, bucket) as a command buffer; what recorded calls name must live as long as their key
/// is used. Calls without begin() run once at sync(). Devices may share a GPU, and so its pipelines.
std::unique_ptr<Device> make_vulkan_device(std::shared_ptr<Gpu> gpu, const VulkanOptions& options);

}  // namespace vivace::vulkan
