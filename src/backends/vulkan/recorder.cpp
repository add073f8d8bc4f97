#include "backends/vulkan/recorder.h"

#include <string>

#include "base/error.h"

namespace vivace::vulkan {

StepPush Recorder::step(int32_t kv_group) const {
  const StepLayout& layout = *target_.layout;
  const uint32_t table = layout.most_sequences * layout.most_pages * uint32_t(sizeof(int32_t));
  return {target_.mirror,
          layout.positions,
          layout.token_sequence,
          layout.sequence_begin,
          layout.page_tables + uint32_t(kv_group) * table,
          layout.most_pages,
          layout.slabs + uint32_t(kv_group) * uint32_t(kMostSlabs * sizeof(SlabEntry))};
}

void Recorder::dispatch_bytes(const Kernel& kernel, std::span<const uint32_t> constants, const void* push, size_t bytes,
                              Groups groups) {
  if (groups.x == 0 || groups.y == 0 || groups.z == 0) return;
  constexpr uint32_t kMostGroups = 65535;
  if (groups.x > kMostGroups || groups.y > kMostGroups || groups.z > kMostGroups) {
    throw Error(ErrorCode::kInternal, std::string("Vulkan: too many workgroups of ") + kernel.name);
  }
  const DeviceApi& api = target_.gpu->api();
  Pipelines& pipelines = target_.gpu->pipelines();
  api.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines.get(kernel, constants));
  api.vkCmdPushConstants(commands_, pipelines.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, uint32_t(bytes), push);
  api.vkCmdDispatch(commands_, groups.x, groups.y, groups.z);
}

void Recorder::barrier() {
  VkMemoryBarrier barrier = make_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  target_.gpu->api().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

void Recorder::use_slabs(const KvLayer& kv) {
  if (kv.group < 0 || uint32_t(kv.group) >= target_.layout->groups) {
    throw Error(ErrorCode::kInternal, "Vulkan: a KV layer has no page table");
  }
  for (const GroupSlabs& known : groups_) {
    if (known.group != kv.group) continue;
    if (known.slabs == kv.slabs) return;
    throw Error(ErrorCode::kInternal, "Vulkan: a KV group in two pools");
  }
  groups_.push_back({kv.group, kv.slabs});
}

}  // namespace vivace::vulkan
