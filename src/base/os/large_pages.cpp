// Anonymous memory from the system.
#include "base/os/large_pages.h"

#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"

#if defined(__linux__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define VIVACE_HAS_MMAP 1
#else
#define VIVACE_HAS_MMAP 0
#endif

namespace vivace {
namespace {

[[noreturn]] void throw_out_of_memory(size_t bytes) {
  throw Error(ErrorCode::kOutOfMemory, "the system has no " + std::to_string(bytes) + " bytes of memory to give",
              "use a smaller model, context length or batch, or close other programs");
}

#if VIVACE_HAS_MMAP
size_t page_size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

size_t rounded(size_t bytes) {
  const size_t page = page_size();
  return (bytes + page - 1) / page * page;
}
#endif

}  // namespace

PageMemory::PageMemory(size_t bytes, Pages pages) {
  if (bytes == 0) return;
  if (bytes > SIZE_MAX / 2) throw_out_of_memory(bytes);
#if VIVACE_HAS_MMAP
  // Maps more than asked for and returns both ends, since mmap aligns to small pages only.
  const size_t length = rounded(bytes);
  void* start = mmap(nullptr, length + kAlignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw_out_of_memory(bytes);
  const size_t head = (kAlignment - reinterpret_cast<uintptr_t>(start) % kAlignment) % kAlignment;
  std::byte* aligned = static_cast<std::byte*>(start) + head;
  if (head != 0) munmap(start, head);
  munmap(aligned + length, kAlignment - head);
#if defined(MADV_HUGEPAGE)
  if (pages == Pages::kLarge && length >= kAlignment) madvise(aligned, length, MADV_HUGEPAGE);
#endif
  data_ = aligned;
#else
  void* start = ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
  if (start == nullptr) throw_out_of_memory(bytes);
  std::memset(start, 0, bytes);
  data_ = static_cast<std::byte*>(start);
#endif
  size_ = bytes;
}

PageMemory::~PageMemory() {
  if (data_ == nullptr) return;
#if VIVACE_HAS_MMAP
  munmap(data_, rounded(size_));
#else
  ::operator delete(data_, std::align_val_t(kAlignment));
#endif
}

void PageMemory::discard(size_t offset, size_t bytes) {
  if (offset > size_ || bytes > size_ - offset) throw Error(ErrorCode::kInternal, "discard outside of a memory block");
#if defined(__linux__)
  const size_t page = page_size();
  const size_t first = (offset + page - 1) / page * page;
  const size_t last = offset + bytes == size_ ? rounded(size_) : (offset + bytes) / page * page;
  if (first < last) madvise(data_ + first, last - first, MADV_DONTNEED);
#endif
}

}  // namespace vivace
