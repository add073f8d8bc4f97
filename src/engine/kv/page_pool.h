// The pages of one KV group: reference-counted slots in fixed slabs. Not thread-safe: the engine's thread owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "device/device.h"
#include "device/kv_view.h"

namespace vivace {

class PagePool {
 public:
  /// Allocates `pages` pages of `page_bytes` in at most 16 slabs, of 128 MiB where that suffices; in more where the
  /// device allocates no larger ones. Throws DeviceError kOutOfMemory.
  PagePool(Device& device, size_t page_bytes, int32_t pages, BufferUse use = BufferUse::kKv);

  /// A page with one reference, or nothing when all are in use.
  std::optional<int32_t> allocate();
  void retain(int32_t page);
  void release(int32_t page);

  int32_t pages() const { return int32_t(references_.size()); }
  int32_t free_pages() const { return int32_t(free_.size()); }
  int32_t references(int32_t page) const { return references_[page]; }
  /// At a fixed address as long as the pool lives.
  const KvSlabs& slabs() const { return slabs_; }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
  KvSlabs slabs_;
  std::vector<int32_t> references_;
  std::vector<int32_t> free_;  // a stack: the page freed last is warm in the cache
};

}  // namespace vivace
