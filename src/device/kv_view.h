// How attention sees the KV cache: pages of kPageTokens positions in fixed slabs, all layers of a group in one page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/step_inputs.h"
#include "device/tensor.h"

namespace vivace {

/// The memory of one KV group's pages. Slabs may be added while it lives; they never move. Page p is the
/// (p % pages_per_slab)-th of slab p / pages_per_slab; the last slab may have fewer. A page takes page_bytes, but not
/// in one piece: a slab holds for each layer and KV head the keys of all its pages side by side, then the values, so
/// that a sequence in neighbouring pages is read as one stream.
struct KvSlabs {
  std::vector<Buffer*> slabs;
  int32_t pages_per_slab = 0;
  size_t page_bytes = 0;
};

/// One layer of a group. Of each page's bytes K [kv_heads, kPageTokens, key_dim] are those from key_offset on and
/// V [kv_heads, kPageTokens, value_dim] those from value_offset on, in `format` (F32, F16, Q8_0, Q4_0). kv_place()
/// and kv_byte() say where they lie.
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

inline size_t slab_pages(const KvSlabs& slabs, size_t slab) { return slabs.slabs[slab]->size() / slabs.page_bytes; }

/// Bytes of one head's keys or values in a page.
inline size_t kv_head_bytes(const KvLayer& kv, bool keys) {
  return kPageTokens * row_bytes(*kv.format, size_t(keys ? kv.key_dim : kv.value_dim));
}

struct KvPlace {
  size_t slab;
  size_t offset;  // bytes in the slab
};

/// Where a head's keys or values of a page begin. The page must exist.
inline KvPlace kv_place(const KvLayer& kv, int32_t page, int32_t head, bool keys) {
  const size_t slab = size_t(page / kv.slabs->pages_per_slab), bytes = kv_head_bytes(kv, keys);
  const size_t before = (keys ? kv.key_offset : kv.value_offset) + size_t(head) * bytes;
  return {slab, slab_pages(*kv.slabs, slab) * before + size_t(page % kv.slabs->pages_per_slab) * bytes};
}

/// Keys are turned, so that a vector of positions is multiplied by one column of a query: unit by unit of the rows, the
/// units of a page's positions lie side by side. A unit is a value, or two bytes of a quantised block: its f16 scale,
/// or two bytes of codes. Returns where byte `byte` of the row of position `slot` of the page lies.
inline size_t turned_byte(const FormatRow& format, size_t byte, int32_t slot) {
  const size_t unit = format.block_columns == 1 ? format.block_bytes : 2, in_unit = byte % unit;
  return (byte - in_unit) * kPageTokens + size_t(slot) * unit + in_unit;
}

/// Values are rows, but in blocks of columns where those are quantised: of each block the scales of a page's positions,
/// then codes, of which positions s and s + 16 lie side by side: their pairs are multiplied at once. Returns where byte
/// `byte` of the row of position `slot` of the page lies; the row has row_bytes bytes.
inline size_t value_byte(const FormatRow& format, size_t row_bytes, size_t byte, int32_t slot) {
  if (format.block_columns == 1) return size_t(slot) * row_bytes + byte;
  const size_t in_block = byte % format.block_bytes, at = (byte - in_block) * kPageTokens;
  if (in_block < 2) return at + size_t(slot) * 2 + in_block;
  const size_t pair = size_t(slot) % 16, second = size_t(slot) / 16;
  return at + 2 * kPageTokens + pair * 2 * (format.block_bytes - 2) + (in_block - 2) * 2 + second;
}

inline size_t kv_byte(const KvLayer& kv, bool key, size_t byte, int32_t slot) {
  return key ? turned_byte(*kv.format, byte, slot)
             : value_byte(*kv.format, row_bytes(*kv.format, size_t(kv.value_dim)), byte, slot);
}

}  // namespace vivace
