#include "backends/vulkan/gpu.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr uint32_t kMostThreads = 256;  // of the largest workgroups that shaders fix

/// What the driver says of a physical device, in the chains that Vulkan wants.
struct Description {
  VkPhysicalDeviceProperties2 properties =
      make_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  VkPhysicalDeviceVulkan11Properties properties11 =
      make_struct<VkPhysicalDeviceVulkan11Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR dot =
      make_struct<VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR>(
          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR);
  VkPhysicalDeviceFeatures2 features =
      make_struct<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  VkPhysicalDeviceVulkan11Features features11 =
      make_struct<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  VkPhysicalDeviceVulkan12Features features12 =
      make_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR dot_feature =
      make_struct<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR);
  std::vector<VkExtensionProperties> extensions;
  std::vector<VkQueueFamilyProperties> queues;

  Description(const Instance& instance, VkPhysicalDevice physical) {
    uint32_t count = 0;
    instance.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr);
    extensions.resize(count);
    instance.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, extensions.data());
    instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    queues.resize(count);
    instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, queues.data());
    instance.vkGetPhysicalDeviceProperties2(physical, &properties);
    if (properties.properties.apiVersion < VK_API_VERSION_1_2) return;
    properties.pNext = &properties11;
    features.pNext = &features11;
    features11.pNext = &features12;
    if (has_dot()) {
      properties11.pNext = &dot;
      features12.pNext = &dot_feature;
    }
    instance.vkGetPhysicalDeviceProperties2(physical, &properties);
    instance.vkGetPhysicalDeviceFeatures2(physical, &features);
  }

  bool has(const char* extension) const { return has_extension(extensions, extension); }
  bool has_dot() const { return has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME); }

  /// The queue family that computes, rather one that draws nothing: it is not in the display's way.
  std::optional<uint32_t> queue_family() const {
    std::optional<uint32_t> best;
    for (uint32_t i = 0; i < queues.size(); ++i) {
      if (queues[i].queueCount == 0 || (queues[i].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0) continue;
      if (!best || (queues[i].queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0) best = i;
    }
    return best;
  }

  /// What the kernels need of every device.
  bool suits() const {
    return properties.properties.apiVersion >= VK_API_VERSION_1_2 && queue_family() && features12.bufferDeviceAddress &&
           features12.scalarBlockLayout && features12.shaderInt8 && features12.storageBuffer8BitAccess &&
           features11.storageBuffer16BitAccess && features.features.shaderInt16 && features.features.shaderInt64 &&
           properties.properties.limits.maxComputeWorkGroupInvocations >= kMostThreads;
  }
};

std::vector<VkPhysicalDevice> suitable_devices(const Instance& instance) {
  std::vector<VkPhysicalDevice> devices = instance.physical_devices();
  std::erase_if(devices, [&](VkPhysicalDevice device) { return !Description(instance, device).suits(); });
  return devices;
}

std::string uuid_text(const uint8_t (&uuid)[VK_UUID_SIZE]) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < VK_UUID_SIZE; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] / 16];
    text += kDigits[uuid[i] % 16];
  }
  return text;
}

DeviceKind kind_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return DeviceKind::kSoftware;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return DeviceKind::kIntegratedGpu;
    default:
      return DeviceKind::kDiscreteGpu;
  }
}

GpuFacts facts_of(const Description& about) {
  const VkPhysicalDeviceProperties& properties = about.properties.properties;
  GpuFacts facts;
  facts.name = properties.deviceName;
  facts.driver = std::to_string(properties.driverVersion);
  facts.kind = kind_of(properties.deviceType);
  // A software device has no hardware of its own: all of a machine share one UUID with the driver's build.
  if (facts.kind != DeviceKind::kSoftware) facts.uuid = uuid_text(about.properties11.deviceUUID);
  facts.subgroup_size = about.properties11.subgroupSize;
  facts.most_threads =
      std::min(properties.limits.maxComputeWorkGroupInvocations, properties.limits.maxComputeWorkGroupSize[0]);
  facts.shared_bytes = properties.limits.maxComputeSharedMemorySize;
  facts.largest_buffer = size_t(about.properties11.maxMemoryAllocationSize);
  facts.float16 = about.features12.shaderFloat16;
  facts.integer_dot = about.has_dot() && about.dot_feature.shaderIntegerDotProduct;
  facts.fast_dot = facts.integer_dot && about.dot.integerDotProduct4x8BitPackedSignedAccelerated;
  facts.memory_budget = about.has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  const VkQueueFamilyProperties& queue = about.queues[*about.queue_family()];
  if (queue.timestampValidBits > 0) facts.timestamp_seconds = properties.limits.timestampPeriod * 1e-9;
  return facts;
}

constexpr VkMemoryPropertyFlags kUnified = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

std::filesystem::path cache_file(const std::filesystem::path& folder, const VkPhysicalDeviceProperties& properties) {
  if (folder.empty()) return {};
  return folder / ("vulkan-" + uuid_text(properties.pipelineCacheUUID) + ".pipelines");
}

}  // namespace

std::vector<ListedGpu> list_gpus() {
  const std::shared_ptr<Instance> instance = Instance::open();
  std::vector<ListedGpu> gpus;
  if (instance == nullptr) return gpus;
  for (VkPhysicalDevice device : suitable_devices(*instance)) {
    const VkPhysicalDeviceProperties& properties = Description(*instance, device).properties.properties;
    gpus.push_back({properties.deviceName, kind_of(properties.deviceType)});
  }
  return gpus;
}

std::shared_ptr<Gpu> Gpu::open(const GpuOptions& options) {
  const std::shared_ptr<Gpu> gpu(new Gpu);
  gpu->instance_ = Instance::open(options.validation);
  const std::vector<VkPhysicalDevice> devices =
      gpu->instance_ == nullptr ? std::vector<VkPhysicalDevice>() : suitable_devices(*gpu->instance_);
  if (options.index < 0 || size_t(options.index) >= devices.size()) {
    throw Error(ErrorCode::kNotFound, "there is no Vulkan device " + std::to_string(options.index),
                "a driver for Vulkan 1.2 is needed");
  }
  gpu->create(options, devices[size_t(options.index)]);
  return gpu;
}

void Gpu::create(const GpuOptions& options, VkPhysicalDevice physical) {
  physical_ = physical;
  const Description about(*instance_, physical);
  facts_ = facts_of(about);
  VkPhysicalDeviceMemoryProperties2 memory =
      make_struct<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  instance_->vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
  memory_ = memory.memoryProperties;
  facts_.unified = facts_.kind != DeviceKind::kDiscreteGpu && memory_type(~0u, kUnified, 0) >= 0;

  std::vector<const char*> extensions;
  for (const char* name : {VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, "VK_KHR_portability_subset"}) {
    if (about.has(name)) extensions.push_back(name);
  }
  VkPhysicalDeviceFeatures2 features =
      make_struct<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  features.features.shaderInt16 = features.features.shaderInt64 = VK_TRUE;
  VkPhysicalDeviceVulkan11Features features11 =
      make_struct<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  features11.storageBuffer16BitAccess = VK_TRUE;
  VkPhysicalDeviceVulkan12Features features12 =
      make_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  features12.bufferDeviceAddress = features12.scalarBlockLayout = features12.shaderInt8 =
      features12.storageBuffer8BitAccess = VK_TRUE;
  features12.shaderFloat16 = about.features12.shaderFloat16;
  VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR dot =
      make_struct<VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR>(
          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR);
  dot.shaderIntegerDotProduct = VK_TRUE;
  features.pNext = &features11;
  features11.pNext = &features12;
  if (facts_.integer_dot) {
    extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    features12.pNext = &dot;
  }

  queue_family_ = *about.queue_family();
  const float priority = 1;
  VkDeviceQueueCreateInfo queue = make_struct<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = queue_family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info = make_struct<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = uint32_t(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check_vulkan(instance_->vkCreateDevice(physical, &info, nullptr, &device_), "vkCreateDevice");
#define VIVACE_VULKAN_LOAD(name)                                                            \
  api_.name = reinterpret_cast<PFN_##name>(instance_->vkGetDeviceProcAddr(device_, #name)); \
  if (api_.name == nullptr) throw Error(ErrorCode::kUnsupported, "the Vulkan driver has no function " #name);
  VIVACE_VULKAN_DEVICE(VIVACE_VULKAN_LOAD)
#undef VIVACE_VULKAN_LOAD
  api_.vkGetDeviceQueue(device_, queue_family_, 0, &queue_);
  pipelines_ = std::make_unique<Pipelines>(device_, api_, cache_file(options.cache, about.properties.properties));
}

Gpu::~Gpu() {
  if (device_ == VK_NULL_HANDLE) return;
  pipelines_.reset();
  if (api_.vkDestroyDevice != nullptr) api_.vkDestroyDevice(device_, nullptr);
}

int32_t Gpu::memory_type(uint32_t allowed, VkMemoryPropertyFlags needed, VkMemoryPropertyFlags preferred) const {
  int32_t best = -1;
  bool best_preferred = false;
  for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = memory_.memoryTypes[i].propertyFlags;
    if ((allowed >> i & 1) == 0 || (flags & needed) != needed) continue;
    const bool has_preferred = (flags & preferred) == preferred;
    if (best >= 0 && (best_preferred || !has_preferred)) continue;
    best = int32_t(i);
    best_preferred = has_preferred;
  }
  return best;
}

size_t Gpu::free_memory() const {
  const int32_t type = memory_type(~0u, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0);
  if (type < 0) return 0;
  const uint32_t heap = memory_.memoryTypes[type].heapIndex;
  if (!facts_.memory_budget) return size_t(memory_.memoryHeaps[heap].size);
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = make_struct<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  VkPhysicalDeviceMemoryProperties2 memory =
      make_struct<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  memory.pNext = &budget;
  instance_->vkGetPhysicalDeviceMemoryProperties2(physical_, &memory);
  const VkDeviceSize limit = budget.heapBudget[heap], used = budget.heapUsage[heap];
  return size_t(limit > used ? limit - used : 0);
}

void Gpu::submit(const VkCommandBuffer* commands, uint32_t count, VkFence fence) {
  VkSubmitInfo info = make_struct<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.commandBufferCount = count;
  info.pCommandBuffers = commands;
  const std::lock_guard lock(queue_mutex_);
  check_vulkan(api_.vkQueueSubmit(queue_, 1, &info, fence), "vkQueueSubmit");
}

void Gpu::settle() noexcept {
  const std::lock_guard lock(queue_mutex_);
  api_.vkDeviceWaitIdle(device_);  // a device that is lost has nothing left to do
}

void Gpu::wait(VkFence fence) {
  using Clock = std::chrono::steady_clock;
  // Waking up costs more than a step of a small model takes; but a device that is the CPU needs the core.
  const auto patience = std::chrono::milliseconds(facts_.kind == DeviceKind::kSoftware ? 0 : 5);
  const Clock::time_point give_up = Clock::now() + patience;
  VkResult result = api_.vkGetFenceStatus(device_, fence);
  while (result == VK_NOT_READY && Clock::now() < give_up) result = api_.vkGetFenceStatus(device_, fence);
  if (result == VK_NOT_READY) result = api_.vkWaitForFences(device_, 1, &fence, VK_TRUE, UINT64_MAX);
  check_vulkan(result, "vkWaitForFences");
}

}  // namespace vivace::vulkan
