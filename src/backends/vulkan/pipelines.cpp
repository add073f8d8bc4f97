#include "backends/vulkan/pipelines.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/fnv_hash.h"

namespace vivace::vulkan {
namespace {

/// Before the driver's data in the file: drivers have been known to trust what they read.
struct FileHeader {
  char magic[8];
  uint64_t bytes;
  uint64_t checksum;
};
constexpr char kMagic[8] = {'v', 'i', 'v', 'v', 'k', 'p', 'c', '1'};

}  // namespace

Pipelines::Pipelines(VkDevice device, const DeviceApi& api, std::filesystem::path file)
    : device_(device), api_(api), file_(std::move(file)) {
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kPushBytes};
  VkPipelineLayoutCreateInfo layout =
      make_struct<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  check_vulkan(api_.vkCreatePipelineLayout(device_, &layout, nullptr, &layout_), "vkCreatePipelineLayout");
  const std::vector<uint8_t> data = read_file();
  VkPipelineCacheCreateInfo cache =
      make_struct<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  cache.initialDataSize = data.size();
  cache.pInitialData = data.data();
  const VkResult result = api_.vkCreatePipelineCache(device_, &cache, nullptr, &cache_);
  if (result == VK_SUCCESS) return;
  api_.vkDestroyPipelineLayout(device_, layout_, nullptr);
  check_vulkan(result, "vkCreatePipelineCache");
}

Pipelines::~Pipelines() {
  save();
  for (const auto& [key, pipeline] : pipelines_) api_.vkDestroyPipeline(device_, pipeline, nullptr);
  api_.vkDestroyPipelineCache(device_, cache_, nullptr);
  api_.vkDestroyPipelineLayout(device_, layout_, nullptr);
}

std::vector<uint8_t> Pipelines::read_file() const {
  if (file_.empty()) return {};
  std::ifstream in(file_, std::ios::binary);
  FileHeader header{};
  if (!in.read(reinterpret_cast<char*>(&header), sizeof(header))) return {};
  std::vector<uint8_t> data{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const bool whole = std::memcmp(header.magic, kMagic, sizeof(kMagic)) == 0 && header.bytes == data.size() &&
                     header.checksum == fnv_hash(data);
  return whole ? data : std::vector<uint8_t>();
}

void Pipelines::save() {
  const std::lock_guard lock(mutex_);
  if (file_.empty() || !changed_) return;
  size_t bytes = 0;
  if (api_.vkGetPipelineCacheData(device_, cache_, &bytes, nullptr) != VK_SUCCESS) return;
  std::vector<uint8_t> data(bytes);
  if (api_.vkGetPipelineCacheData(device_, cache_, &bytes, data.data()) != VK_SUCCESS) return;
  data.resize(bytes);
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.bytes = bytes;
  header.checksum = fnv_hash(data);
  // A cache that can't be written costs time, no more. The name is taken over at once, whole.
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  const std::filesystem::path part = file_.string() + ".part";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(&header), sizeof(header));
    out.write(reinterpret_cast<const char*>(data.data()), std::streamsize(data.size()));
    if (!out.flush()) return;
  }
  std::filesystem::rename(part, file_, ignored);
  changed_ = false;
}

VkPipeline Pipelines::get(const Kernel& kernel, std::span<const uint32_t> constants) {
  std::pair<const Kernel*, std::vector<uint32_t>> key(&kernel, {constants.begin(), constants.end()});
  const std::lock_guard lock(mutex_);
  const auto found = pipelines_.find(key);
  if (found != pipelines_.end()) return found->second;
  const VkPipeline pipeline = compile(kernel, constants);
  pipelines_.emplace(std::move(key), pipeline);
  changed_ = true;
  return pipeline;
}

VkPipeline Pipelines::compile(const Kernel& kernel, std::span<const uint32_t> constants) const {
  VkShaderModuleCreateInfo module_info =
      make_struct<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  module_info.codeSize = kernel.words * sizeof(uint32_t);
  module_info.pCode = kernel.spirv;
  VkShaderModule module = VK_NULL_HANDLE;
  check_vulkan(api_.vkCreateShaderModule(device_, &module_info, nullptr, &module), kernel.name);
  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < constants.size(); ++i) {
    entries.push_back({i, uint32_t(i * sizeof(uint32_t)), sizeof(uint32_t)});
  }
  VkSpecializationInfo specialization{};
  specialization.mapEntryCount = uint32_t(entries.size());
  specialization.pMapEntries = entries.data();
  specialization.dataSize = constants.size_bytes();
  specialization.pData = constants.data();
  VkComputePipelineCreateInfo info =
      make_struct<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &specialization;
  info.layout = layout_;
  VkPipeline pipeline = VK_NULL_HANDLE;
  const VkResult result = api_.vkCreateComputePipelines(device_, cache_, 1, &info, nullptr, &pipeline);
  api_.vkDestroyShaderModule(device_, module, nullptr);
  check_vulkan(result, kernel.name);
  return pipeline;
}

}  // namespace vivace::vulkan
