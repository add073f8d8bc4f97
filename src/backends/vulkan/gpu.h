// A logical device with its queue: what the device, its buffers and its streams share.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "backends/vulkan/api.h"
#include "backends/vulkan/pipelines.h"
#include "device/device.h"

namespace vivace::vulkan {

/// What kernels are cut to.
struct GpuFacts {
  std::string name;
  std::string driver;  // its version, as the driver counts
  std::string uuid;    // as nvidia-smi and CUDA write it
  DeviceKind kind = DeviceKind::kDiscreteGpu;
  uint32_t subgroup_size = 32;  // of shaders that ask for nothing else
  uint32_t most_threads = 128;  // of a workgroup
  uint32_t shared_bytes = 16384;
  size_t largest_buffer = 0;
  bool float16 = false;      // arithmetic in f16
  bool integer_dot = false;  // packed int8 products of four
  bool fast_dot = false;     // in one instruction
  bool memory_budget = false;
  bool unified = false;          // one memory type that is local, mapped, coherent and cached
  double timestamp_seconds = 0;  // of a tick; 0: no timestamps
};

struct GpuOptions {
  int index = 0;                // as list_gpus() counts
  std::filesystem::path cache;  // folder for compiled pipelines; empty: nothing is kept
  MessageSink validation;       // turns the validation layer on
};

class Gpu {
 public:
  /// Throws Error kNotFound, kUnsupported.
  static std::shared_ptr<Gpu> open(const GpuOptions& options);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  const GpuFacts& facts() const { return facts_; }
  const DeviceApi& api() const { return api_; }
  VkDevice device() const { return device_; }
  uint32_t queue_family() const { return queue_family_; }
  Pipelines& pipelines() { return *pipelines_; }
  bool validated() const { return instance_->validated(); }

  /// A memory type with all of these properties among `allowed` (bits), one with the preferred ones first; -1: none.
  int32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags needed, VkMemoryPropertyFlags preferred) const;
  /// Bytes of device memory that are free, as far as the driver says.
  size_t free_memory() const;

  /// Puts command buffers into the queue; thread-safe. The fence is signalled when they are done.
  void submit(const VkCommandBuffer* commands, uint32_t count, VkFence fence);
  /// Waits for a fence: asks often for a while where that pays, then sleeps. Throws Error kDeviceLost.
  void wait(VkFence fence);
  /// Waits for everything that is in the queue, before memory that it may use is freed.
  void settle() noexcept;

 private:
  Gpu() = default;
  void create(const GpuOptions& options, VkPhysicalDevice physical);

  std::shared_ptr<Instance> instance_;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  GpuFacts facts_;
  VkPhysicalDeviceMemoryProperties memory_{};
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceApi api_;
  uint32_t queue_family_ = 0;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::mutex queue_mutex_;
  std::unique_ptr<Pipelines> pipelines_;
};

struct ListedGpu {
  std::string name;
  DeviceKind kind = DeviceKind::kDiscreteGpu;
};

/// The GPUs that the kernels run on, in the driver's order; none where there is no driver.
std::vector<ListedGpu> list_gpus();

}  // namespace vivace::vulkan
