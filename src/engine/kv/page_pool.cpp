#include "engine/kv/page_pool.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "device/device_error.h"

namespace vivace {
namespace {

/// Slabs of 128 MiB; of a large pool more, so that there are few of them, as far as the device allocates that at once.
size_t slab_bytes_for(const DeviceInfo& device, size_t pool_bytes) {
  constexpr size_t kSlabBytes = size_t{128} << 20, kSlabs = 16;
  const size_t bytes = std::max(kSlabBytes, (pool_bytes + kSlabs - 2) / (kSlabs - 1));
  return device.largest_buffer > 0 ? std::min(bytes, device.largest_buffer) : bytes;
}

}  // namespace

PagePool::PagePool(Device& device, size_t page_bytes, int32_t pages, BufferUse use) {
  const size_t slab_bytes = slab_bytes_for(device.info(), page_bytes * size_t(std::max(pages, 1)));
  const int32_t per_slab = int32_t(std::clamp<size_t>(slab_bytes / page_bytes, 1, size_t(std::max(pages, 1))));
  slabs_.page_bytes = page_bytes;
  slabs_.pages_per_slab = per_slab;
  for (int32_t page = 0; page < pages; page += per_slab) {
    const size_t count = size_t(std::min(per_slab, pages - page));
    buffers_.push_back(on_device(device, [&] { return device.allocate(count * page_bytes, use); }));
    slabs_.slabs.push_back(buffers_.back().get());
  }
  references_.assign(pages, 0);
  free_.reserve(pages);
  for (int32_t page = pages - 1; page >= 0; --page) free_.push_back(page);
}

std::optional<int32_t> PagePool::allocate() {
  if (free_.empty()) return std::nullopt;
  const int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  used_pages_ = std::max(used_pages_, page + 1);
  return page;
}

bool PagePool::back_some() {
  constexpr size_t kPiece = size_t{2} << 20, kSystemPage = 4096;
  const size_t ahead = size_t(used_pages_ + slabs_.pages_per_slab / 2 - 1) / size_t(slabs_.pages_per_slab);
  const size_t wanted = used_pages_ == 0 ? 0 : std::min(buffers_.size(), ahead + 1);
  while (backed_slabs_ < wanted) {
    Buffer& slab = *buffers_[backed_slabs_];
    volatile uint8_t* data = slab.host_data();
    if (data == nullptr || backed_bytes_ >= slab.size()) {
      ++backed_slabs_;
      backed_bytes_ = 0;
      continue;
    }
    const size_t end = std::min(backed_bytes_ + kPiece, slab.size());
    for (; backed_bytes_ < end; backed_bytes_ += kSystemPage) data[backed_bytes_] = data[backed_bytes_];
    return true;
  }
  return false;
}

void PagePool::give_back_free() {
  std::sort(free_.begin(), free_.end(), std::greater<>());
  const int32_t per_slab = slabs_.pages_per_slab;
  used_pages_ = 0;
  backed_bytes_ = 0;
  for (size_t slab = 0; slab < buffers_.size(); ++slab) {
    const auto first = references_.begin() + std::ptrdiff_t(slab) * per_slab;
    const auto end = std::min(first + per_slab, references_.end());
    const auto is_used = [](int32_t references) { return references > 0; };
    if (std::any_of(first, end, is_used)) {
      used_pages_ = int32_t(end - references_.begin());
    } else {
      buffers_[slab]->give_back();
      backed_slabs_ = std::min(backed_slabs_, slab);
    }
  }
}

void PagePool::retain(int32_t page) {
  if (references_[page] < 1) throw Error(ErrorCode::kInternal, "a free KV page was retained");
  ++references_[page];
}

void PagePool::release(int32_t page) {
  if (references_[page] < 1) throw Error(ErrorCode::kInternal, "a KV page was released twice");
  if (--references_[page] == 0) free_.push_back(page);
}

}  // namespace vivace
