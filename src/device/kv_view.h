// How attention sees the KV cache: pages of kPageTokens positions in fixed slabs, all layers of a group in one page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/tensor.h"

namespace vivace {

/// The memory of one KV group's pages. Slabs may be added while it lives; they never move. Page p lies in slab
/// p / pages_per_slab at (p % pages_per_slab) * page_bytes.
struct KvSlabs {
  std::vector<Buffer*> slabs;
  int32_t pages_per_slab = 0;
  size_t page_bytes = 0;
};

/// One layer of a group. In a page the layer has K [kv_heads, kPageTokens, key_dim] at key_offset and
/// V [kv_heads, kPageTokens, value_dim] at value_offset, rows in `format` (F32, F16, Q8_0).
struct KvLayer {
  const KvSlabs* slabs = nullptr;
  int32_t group = 0;  // which page table of StepInputs
  size_t key_offset = 0;
  size_t value_offset = 0;
  const FormatRow* format = nullptr;
  int32_t kv_heads = 0;
  int32_t key_dim = 0;
  int32_t value_dim = 0;
};

}  // namespace vivace
