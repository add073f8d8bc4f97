// The one include of Vulkan's header. Nothing is linked: the loader library is opened when a device is asked for, so
// the program starts where there is none.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/os/shared_library.h"

namespace vivace::vulkan {

// Functions by whom they are asked of.
// clang-format off
#define VIVACE_VULKAN_GLOBAL(X) \
  X(vkCreateInstance) X(vkEnumerateInstanceLayerProperties) X(vkEnumerateInstanceExtensionProperties)
#define VIVACE_VULKAN_INSTANCE(X) \
  X(vkDestroyInstance) X(vkEnumeratePhysicalDevices) X(vkGetPhysicalDeviceProperties2) \
  X(vkGetPhysicalDeviceFeatures2) X(vkGetPhysicalDeviceMemoryProperties2) \
  X(vkGetPhysicalDeviceQueueFamilyProperties) X(vkEnumerateDeviceExtensionProperties) X(vkCreateDevice) \
  X(vkGetDeviceProcAddr)
#define VIVACE_VULKAN_DEVICE(X) \
  X(vkDestroyDevice) X(vkGetDeviceQueue) X(vkDeviceWaitIdle) X(vkAllocateMemory) X(vkFreeMemory) \
  X(vkMapMemory) X(vkUnmapMemory) X(vkCreateBuffer) X(vkDestroyBuffer) X(vkGetBufferMemoryRequirements) \
  X(vkBindBufferMemory) X(vkGetBufferDeviceAddress) X(vkCreateShaderModule) X(vkDestroyShaderModule) \
  X(vkCreatePipelineLayout) X(vkDestroyPipelineLayout) X(vkCreatePipelineCache) X(vkDestroyPipelineCache) \
  X(vkGetPipelineCacheData) X(vkCreateComputePipelines) X(vkDestroyPipeline) X(vkCreateCommandPool) \
  X(vkDestroyCommandPool) X(vkAllocateCommandBuffers) X(vkFreeCommandBuffers) X(vkBeginCommandBuffer) \
  X(vkEndCommandBuffer) X(vkCmdBindPipeline) X(vkCmdPushConstants) X(vkCmdDispatch) X(vkCmdPipelineBarrier) \
  X(vkCmdCopyBuffer) X(vkCmdFillBuffer) X(vkCmdResetQueryPool) X(vkCmdWriteTimestamp) X(vkCreateQueryPool) \
  X(vkDestroyQueryPool) X(vkGetQueryPoolResults) X(vkCreateFence) X(vkDestroyFence) X(vkResetFences) \
  X(vkGetFenceStatus) X(vkWaitForFences) X(vkQueueSubmit)
// clang-format on

#define VIVACE_VULKAN_MEMBER(name) PFN_##name name = nullptr;

/// What the validation layer says, a message a call.
using MessageSink = std::function<void(const std::string& message)>;

/// An instance with its functions. Shared by the devices that were made of it.
class Instance {
 public:
  /// Opens the library; null where there is none, or no driver at all. With a sink the validation layer is on, where it
  /// is installed: validated() says so.
  static std::shared_ptr<Instance> open(MessageSink sink = {});
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::vector<VkPhysicalDevice> physical_devices() const;
  bool validated() const { return messenger_ != VK_NULL_HANDLE; }

  VIVACE_VULKAN_INSTANCE(VIVACE_VULKAN_MEMBER)

 private:
  Instance();
  bool create(bool validation);
  void create_messenger();

  SharedLibrary library_;
  MessageSink sink_;
  PFN_vkGetInstanceProcAddr get_ = nullptr;
  VIVACE_VULKAN_GLOBAL(VIVACE_VULKAN_MEMBER)
  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

/// The functions of a logical device.
struct DeviceApi {
  VIVACE_VULKAN_DEVICE(VIVACE_VULKAN_MEMBER)
};

/// One of Vulkan's structures, all zero but for its type.
template <class Struct>
Struct make_struct(VkStructureType type) {
  Struct result{};
  result.sType = type;
  return result;
}

/// Throws Error for a failed call: kOutOfMemory, kDeviceLost or kInternal, with the call's name.
void check_vulkan(VkResult result, const char* call);

/// Whether a list of extensions has this one.
bool has_extension(const std::vector<VkExtensionProperties>& extensions, std::string_view name);

}  // namespace vivace::vulkan
