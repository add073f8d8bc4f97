// The step's inputs in device memory, as kernels see them: StepInputs' block, then for each KV group a table of its
// slabs. The host packs what a step needs of them; a kernel copies that over the link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/vulkan/api.h"
#include "device/kv_view.h"
#include "device/step_inputs.h"

namespace vivace::vulkan {

constexpr int32_t kMostSlabs = 64;  // of a KV group

/// As in shaders/lib/kv.glsl.
struct SlabEntry {
  VkDeviceAddress address;
  uint32_t pages;
  uint32_t reserved;
};

/// Where the parts lie, in bytes from the mirror's begin.
struct StepLayout {
  explicit StepLayout(const StepInputs& inputs);

  uint32_t token_ids, positions, token_sequence, output_rows, sequence_begin;
  uint32_t page_tables;  // [groups, sequences, pages]
  uint32_t slabs;        // [groups, kMostSlabs]
  uint32_t most_sequences, most_pages, groups;
  size_t bytes;
};

/// A group's slabs, as a recording reads them.
struct GroupSlabs {
  int32_t group;
  const KvSlabs* slabs;
};

/// Words [begin, begin + count) of the mirror are to be copied.
struct UploadSpan {
  uint32_t begin, count;
};

/// The most spans that pack_step() makes.
uint32_t most_spans(const StepLimits& limits);

/// Writes what this step needs to `mirror` (host memory, laid out as the mirror is) and the spans that were written to
/// `spans`, the rest of which become empty.
void pack_step(const StepInputs& inputs, const StepLayout& layout, const std::vector<GroupSlabs>& groups,
               uint8_t* mirror, UploadSpan* spans);

}  // namespace vivace::vulkan
