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

  /// Has the system back some more of the host memory that is soon needed: the first write to memory waits until it is
  /// cleared, and a slab's first page lies all over it. False where enough is there: half a slab beyond the last page
  /// that was in use, and nothing before the first use. To be called while nobody waits; takes a millisecond or so.
  bool back_some();

  /// Gives the memory of slabs without a page in use back to the system, and has the first pages be used first from now
  /// on, so that more slabs come to be free.
  void give_back_free();

  int32_t pages() const { return int32_t(references_.size()); }
  int32_t free_pages() const { return int32_t(free_.size()); }
  int32_t references(int32_t page) const { return references_[page]; }
  /// At a fixed address as long as the pool lives.
  const KvSlabs& slabs() const { return slabs_; }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
  KvSlabs slabs_;
  std::vector<int32_t> references_;
  std::vector<int32_t> free_;                   // a stack: the page freed last is warm in the cache
  int32_t used_pages_ = 0;                      // those below have been in use
  size_t backed_slabs_ = 0, backed_bytes_ = 0;  // the latter of the next slab
};

}  // namespace vivace
