#include "backends/vulkan/step_mirror.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "backends/vulkan/memory.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr uint32_t kHeaderWords = 16;

uint32_t offset_of(const StepInputs& inputs, const int32_t* part) {
  return uint32_t((part - inputs.block().data()) * sizeof(int32_t));
}

/// Packs words of the mirror and remembers them.
class Packer {
 public:
  Packer(uint8_t* mirror, UploadSpan* spans) : mirror_(mirror), next_(spans) {}

  void add(uint32_t offset, const void* from, size_t bytes) {
    if (bytes == 0) return;
    std::memcpy(mirror_ + offset, from, bytes);
    *next_++ = {uint32_t(offset / sizeof(int32_t)), uint32_t((bytes + 3) / sizeof(int32_t))};
  }
  UploadSpan* end() const { return next_; }

 private:
  uint8_t* mirror_;
  UploadSpan* next_;
};

/// Pages of a sequence's tables that a step may read: up to its last token.
int32_t pages_of(const StepInputs& inputs, int32_t sequence) {
  const int32_t begin = inputs.sequence_begin()[sequence], count = inputs.sequence_tokens()[sequence];
  if (count <= 0) return 0;
  const int32_t last = inputs.positions()[begin + count - 1];
  return std::clamp(last / kPageTokens + 1, 0, inputs.limits().pages);
}

void pack_slabs(const GroupSlabs& group, uint32_t offset, Packer& packer) {
  SlabEntry table[kMostSlabs] = {};
  const KvSlabs& slabs = *group.slabs;
  if (slabs.slabs.size() > size_t(kMostSlabs)) {
    throw Error(ErrorCode::kUnsupported,
                "Vulkan: a KV cache in " + std::to_string(slabs.slabs.size()) + " pieces, more than " +
                    std::to_string(kMostSlabs),
                "shorten the context");
  }
  for (size_t s = 0; s < slabs.slabs.size(); ++s) {
    table[s] = {device_address(slabs.slabs[s], 0), uint32_t(slab_pages(slabs, s)), 0};
  }
  packer.add(offset, table, slabs.slabs.size() * sizeof(SlabEntry));
}

}  // namespace

StepLayout::StepLayout(const StepInputs& inputs)
    : token_ids(offset_of(inputs, inputs.token_ids())),
      positions(offset_of(inputs, inputs.positions())),
      token_sequence(offset_of(inputs, inputs.token_sequence())),
      output_rows(offset_of(inputs, inputs.output_rows())),
      sequence_begin(offset_of(inputs, inputs.sequence_begin())),
      page_tables(offset_of(inputs, inputs.page_table(0, 0))),
      slabs(uint32_t((inputs.block().size_bytes() + 15) / 16 * 16)),
      most_sequences(uint32_t(inputs.limits().sequences)),
      most_pages(uint32_t(inputs.limits().pages)),
      groups(uint32_t(inputs.limits().kv_groups)),
      bytes(slabs + size_t(groups) * kMostSlabs * sizeof(SlabEntry)) {}

uint32_t most_spans(const StepLimits& limits) {
  // The header, three arrays of tokens, the outputs, where sequences begin, page tables, tables of slabs.
  return 6 + uint32_t(limits.kv_groups) * uint32_t(limits.sequences) + uint32_t(limits.kv_groups);
}

void pack_step(const StepInputs& inputs, const StepLayout& layout, const std::vector<GroupSlabs>& groups,
               uint8_t* mirror, UploadSpan* spans) {
  Packer packer(mirror, spans);
  const size_t tokens = size_t(inputs.tokens()) * sizeof(int32_t);
  packer.add(0, inputs.block().data(), kHeaderWords * sizeof(int32_t));
  packer.add(layout.token_ids, inputs.token_ids(), tokens);
  packer.add(layout.positions, inputs.positions(), tokens);
  packer.add(layout.token_sequence, inputs.token_sequence(), tokens);
  packer.add(layout.output_rows, inputs.output_rows(), size_t(inputs.outputs()) * sizeof(int32_t));
  if (!groups.empty()) {
    packer.add(layout.sequence_begin, inputs.sequence_begin(), size_t(inputs.sequences()) * sizeof(int32_t));
    for (int32_t s = 0; s < std::min(inputs.sequences(), inputs.limits().sequences); ++s) {
      const size_t bytes = size_t(pages_of(inputs, s)) * sizeof(int32_t);
      for (int32_t g = 0; g < inputs.limits().kv_groups; ++g) {
        const uint32_t table = (uint32_t(g) * layout.most_sequences + uint32_t(s)) * layout.most_pages;
        packer.add(layout.page_tables + table * uint32_t(sizeof(int32_t)), inputs.page_table(g, s), bytes);
      }
    }
  }
  for (const GroupSlabs& group : groups) {
    pack_slabs(group, layout.slabs + uint32_t(size_t(group.group) * kMostSlabs * sizeof(SlabEntry)), packer);
  }
  std::fill(packer.end(), spans + most_spans(inputs.limits()), UploadSpan{0, 0});
}

}  // namespace vivace::vulkan
