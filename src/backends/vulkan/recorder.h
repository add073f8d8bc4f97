// What operations record their kernels with.
//
// The contract of kernels. Arguments are addresses and numbers in push constants, 128 bytes at most; more goes through
// the workspace. Grids are sized by the recording's bucket: how many rows there really are, kernels read at
// count(rows), and leave what is behind. Workgroup sizes come from specialisation constants or are fixed in the shader;
// no kernel relies on a subgroup size. Between two operations lies a barrier; an operation whose later kernels read
// what its earlier ones wrote calls barrier() itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

#include "backends/vulkan/gpu.h"
#include "backends/vulkan/kernel.h"
#include "backends/vulkan/memory.h"
#include "backends/vulkan/step_mirror.h"
#include "device/ops.h"

namespace vivace::vulkan {

/// The step as kernels over the KV cache take it: offsets in bytes from the mirror's begin.
struct StepPush {
  VkDeviceAddress mirror;
  uint32_t positions, token_sequence, sequence_begin;
  uint32_t page_tables, most_pages;  // of the KV group
  uint32_t slabs;                    // SlabEntry [kMostSlabs] of the group
};

/// Workgroups in each direction. Vulkan promises 65535 of them in each.
struct Groups {
  uint32_t x = 1, y = 1, z = 1;
};

constexpr uint32_t groups_for(int64_t count, int64_t per_group) {
  return uint32_t((count + per_group - 1) / per_group);
}

class Recorder {
 public:
  struct Target {
    Gpu* gpu;
    const StepLayout* layout;
    VkDeviceAddress mirror;
    VkDeviceAddress tables;  // lattice_tables()
    VkDeviceAddress workspace;
    size_t workspace_bytes;
  };
  /// Records into `commands` for steps of at most so many tokens and outputs.
  Recorder(const Target& target, VkCommandBuffer commands, int32_t tokens, int32_t outputs)
      : target_(target), commands_(commands), tokens_(tokens), outputs_(outputs) {}

  const GpuFacts& facts() const { return target_.gpu->facts(); }
  int32_t tokens() const { return tokens_; }
  int32_t outputs() const { return outputs_; }
  /// Most rows of a row set: what grids are sized by.
  int32_t rows(RowSet set) const { return set == RowSet::kTokens ? tokens_ : outputs_; }

  /// Where kernels read how many rows there are.
  VkDeviceAddress count(RowSet set) const { return target_.mirror + (set == RowSet::kTokens ? 0 : 8); }
  VkDeviceAddress token_ids() const { return target_.mirror + target_.layout->token_ids; }
  VkDeviceAddress positions() const { return target_.mirror + target_.layout->positions; }
  VkDeviceAddress output_rows() const { return target_.mirror + target_.layout->output_rows; }
  StepPush step(int32_t kv_group) const;
  /// The grids that shaders of some weight formats read.
  VkDeviceAddress tables() const { return target_.tables; }

  /// Scratch of the stream; its contents live as long as one operation.
  VkDeviceAddress workspace() const { return target_.workspace; }
  size_t workspace_bytes() const { return target_.workspace_bytes; }

  /// Runs a kernel; specialisation constants 0, 1, … have these values.
  template <class Push>
  void dispatch(const Kernel& kernel, std::initializer_list<uint32_t> constants, const Push& push, Groups groups) {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= kPushBytes && sizeof(Push) % 4 == 0);
    dispatch_bytes(kernel, {constants.begin(), constants.size()}, &push, sizeof(Push), groups);
  }
  template <class Push>
  void dispatch(const Kernel& kernel, std::span<const uint32_t> constants, const Push& push, Groups groups) {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= kPushBytes && sizeof(Push) % 4 == 0);
    dispatch_bytes(kernel, constants, &push, sizeof(Push), groups);
  }
  /// Kernels after it see what those before it wrote.
  void barrier();

  /// Names a KV group's slabs, whose table is part of every step that runs the recording.
  void use_slabs(const KvLayer& kv);
  const std::vector<GroupSlabs>& groups() const { return groups_; }

 private:
  void dispatch_bytes(const Kernel& kernel, std::span<const uint32_t> constants, const void* push, size_t bytes,
                      Groups groups);

  const Target target_;
  const VkCommandBuffer commands_;
  const int32_t tokens_, outputs_;
  std::vector<GroupSlabs> groups_;
};

/// A tensor's rows, as shaders take them.
struct RowsPush {
  VkDeviceAddress address = 0;  // 0: absent
  uint32_t stride = 0;          // values from one row to the next
  uint32_t columns = 0;
};

inline RowsPush rows_push(const Tensor& tensor) {
  if (!tensor) return {};
  return {device_address(tensor.buffer, tensor.offset), uint32_t(tensor.stride), uint32_t(tensor.columns)};
}
/// The address of a weight, 0 where it is absent.
inline VkDeviceAddress weight_address(const Weight& weight) {
  return weight ? device_address(weight.buffer, weight.offset) : 0;
}

}  // namespace vivace::vulkan
