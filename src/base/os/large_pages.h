// Large blocks of memory straight from the system: aligned, zeroed, on 2 MiB pages where the system offers them.
#pragma once

#include <cstddef>
#include <utility>

namespace vivace {

/// A block of anonymous memory; freed with the object. Pages are zero and become resident when first touched.
class PageMemory {
 public:
  static constexpr size_t kAlignment = size_t{2} << 20;

  enum class Pages {
    kNormal,  // whatever the system does by itself
    kLarge,   // asks for transparent huge pages: fewer TLB misses in streams; a wish, never an error
  };

  PageMemory() = default;
  /// Throws Error kOutOfMemory, with the size, when the address space or the system's limits don't allow it.
  /// Zero bytes give an empty block.
  explicit PageMemory(size_t bytes, Pages pages = Pages::kLarge);

  PageMemory(PageMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PageMemory& operator=(PageMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;
  ~PageMemory();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  /// Bytes asked for.
  size_t size() const { return size_; }

  /// Gives the memory of whole pages inside [offset, offset + bytes) back to the system; they read as zeros afterwards
  /// where the system can do that, and keep their content elsewhere. Throws Error kInternal outside the block.
  void discard(size_t offset, size_t bytes);

 private:
  std::byte* data_ = nullptr;  // aligned to kAlignment
  size_t size_ = 0;
};

}  // namespace vivace
