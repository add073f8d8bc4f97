#include "backends/vulkan/api.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* sink) {
  (*static_cast<const MessageSink*>(sink))(data->pMessage != nullptr ? data->pMessage : "");
  return VK_FALSE;
}

const char* result_name(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "too many allocations";
    case VK_ERROR_DEVICE_LOST:
      return "device lost";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "initialization failed";
    case VK_ERROR_MEMORY_MAP_FAILED:
      return "memory map failed";
    default:
      return "error";
  }
}

}  // namespace

void check_vulkan(VkResult result, const char* call) {
  if (result >= VK_SUCCESS) return;
  const std::string what = std::string(call) + ": " + result_name(result) + " (" + std::to_string(int(result)) + ")";
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_MEMORY_MAP_FAILED:
      throw Error(ErrorCode::kOutOfMemory, what, "offload fewer layers or shorten the context");
    case VK_ERROR_DEVICE_LOST:
      throw Error(ErrorCode::kDeviceLost, what, "run without the GPU or restart the program");
    case VK_ERROR_INITIALIZATION_FAILED:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      throw Error(ErrorCode::kUnsupported, what);
    default:
      throw Error(ErrorCode::kInternal, what);
  }
}

bool has_extension(const std::vector<VkExtensionProperties>& extensions, std::string_view name) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const VkExtensionProperties& each) { return name == each.extensionName; });
}

Instance::Instance() : library_({"libvulkan.so.1", "libvulkan.1.dylib", "libMoltenVK.dylib", "vulkan-1.dll"}) {}

std::shared_ptr<Instance> Instance::open(MessageSink sink) {
  const std::shared_ptr<Instance> instance(new Instance);
  const bool validation = bool(sink);
  instance->sink_ = std::move(sink);
  return instance->create(validation) ? instance : nullptr;
}

bool Instance::create(bool validation) {
  get_ = reinterpret_cast<PFN_vkGetInstanceProcAddr>(library_.find("vkGetInstanceProcAddr"));
  if (get_ == nullptr) return false;
#define VIVACE_VULKAN_LOAD(name)                                    \
  name = reinterpret_cast<PFN_##name>(get_(VK_NULL_HANDLE, #name)); \
  if (name == nullptr) return false;
  VIVACE_VULKAN_GLOBAL(VIVACE_VULKAN_LOAD)
#undef VIVACE_VULKAN_LOAD

  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateInstanceExtensionProperties(nullptr, &count, extensions.data());

  std::vector<const char*> wanted_layers, wanted;
  const bool has_layer = std::any_of(layers.begin(), layers.end(), [](const VkLayerProperties& layer) {
    return std::strcmp(layer.layerName, kValidationLayer) == 0;
  });
  if (validation && has_layer) {
    wanted_layers.push_back(kValidationLayer);
    wanted.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  }
  VkInstanceCreateInfo info = make_struct<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  // Layers over another interface, as MoltenVK is, are listed only to those who ask.
  if (has_extension(extensions, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
    wanted.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  VkApplicationInfo application = make_struct<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = "vivace";
  application.apiVersion = VK_API_VERSION_1_2;
  info.pApplicationInfo = &application;
  info.enabledLayerCount = uint32_t(wanted_layers.size());
  info.ppEnabledLayerNames = wanted_layers.data();
  info.enabledExtensionCount = uint32_t(wanted.size());
  info.ppEnabledExtensionNames = wanted.data();
  if (vkCreateInstance(&info, nullptr, &instance_) != VK_SUCCESS) {
    instance_ = VK_NULL_HANDLE;
    return false;
  }
#define VIVACE_VULKAN_LOAD(name)                               \
  name = reinterpret_cast<PFN_##name>(get_(instance_, #name)); \
  if (name == nullptr) return false;
  VIVACE_VULKAN_INSTANCE(VIVACE_VULKAN_LOAD)
#undef VIVACE_VULKAN_LOAD
  if (!wanted_layers.empty()) create_messenger();
  return true;
}

void Instance::create_messenger() {
  const auto create =
      reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(get_(instance_, "vkCreateDebugUtilsMessengerEXT"));
  if (create == nullptr) return;
  VkDebugUtilsMessengerCreateInfoEXT info =
      make_struct<VkDebugUtilsMessengerCreateInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = &sink_;
  check_vulkan(create(instance_, &info, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
}

Instance::~Instance() {
  if (messenger_ != VK_NULL_HANDLE) {
    const auto destroy =
        reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(get_(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    if (destroy != nullptr) destroy(instance_, messenger_, nullptr);
  }
  if (vkDestroyInstance != nullptr) vkDestroyInstance(instance_, nullptr);
}

std::vector<VkPhysicalDevice> Instance::physical_devices() const {
  uint32_t count = 0;
  if (vkEnumeratePhysicalDevices(instance_, &count, nullptr) != VK_SUCCESS) return {};
  std::vector<VkPhysicalDevice> devices(count);
  if (vkEnumeratePhysicalDevices(instance_, &count, devices.data()) < VK_SUCCESS) return {};
  devices.resize(count);
  return devices;
}

}  // namespace vivace::vulkan
