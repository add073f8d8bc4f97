// Compiled pipelines, by shader and specialisation constants, kept on disk from one run to the next.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backends/vulkan/api.h"
#include "backends/vulkan/kernel.h"

namespace vivace::vulkan {

/// All shaders have one interface: no descriptors, addresses and values in push constants of at most this size, which
/// every device offers. More goes through memory.
constexpr uint32_t kPushBytes = 128;

class Pipelines {
 public:
  /// `file` holds what an earlier run compiled; empty: nothing is kept. A file that can't be read is as good as none.
  Pipelines(VkDevice device, const DeviceApi& api, std::filesystem::path file);
  ~Pipelines();
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;

  VkPipelineLayout layout() const { return layout_; }
  /// The pipeline of a shader whose specialisation constants 0, 1, … have these values; compiled at the first call.
  /// Thread-safe.
  VkPipeline get(const Kernel& kernel, std::span<const uint32_t> constants);
  /// Writes the file where something was compiled since it was read.
  void save();

 private:
  std::vector<uint8_t> read_file() const;
  VkPipeline compile(const Kernel& kernel, std::span<const uint32_t> constants) const;

  const VkDevice device_;
  const DeviceApi& api_;
  const std::filesystem::path file_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  std::mutex mutex_;
  std::map<std::pair<const Kernel*, std::vector<uint32_t>>, VkPipeline> pipelines_;
  bool changed_ = false;
};

}  // namespace vivace::vulkan
