#include "device/host_buffer.h"

#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"

namespace vivace {
namespace {

constexpr std::align_val_t kAlignment{64};

struct AlignedDelete {
  void operator()(uint8_t* data) const { ::operator delete(data, kAlignment); }
};

class HostBuffer : public Buffer {
 public:
  HostBuffer(uint8_t* data, size_t size) : data_(data), size_(size) { std::memset(data, 0, size); }

  size_t size() const override { return size_; }
  uint8_t* host_data() override { return data_.get(); }

  void write(size_t offset, std::span<const uint8_t> bytes) override {
    check(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(data_.get() + offset, bytes.data(), bytes.size());
  }

  void read(size_t offset, std::span<uint8_t> bytes) const override {
    check(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(bytes.data(), data_.get() + offset, bytes.size());
  }

 private:
  void check(size_t offset, size_t count) const {
    if (offset <= size_ && count <= size_ - offset) return;
    throw Error(ErrorCode::kInternal, "copy of " + std::to_string(count) + " bytes at " + std::to_string(offset) +
                                          " is outside a buffer of " + std::to_string(size_));
  }

  std::unique_ptr<uint8_t, AlignedDelete> data_;
  size_t size_;
};

}  // namespace

std::unique_ptr<Buffer> make_host_buffer(size_t bytes) {
  // The language knows no larger objects; a product of sizes that went wrong ends here.
  const bool possible = bytes <= size_t(PTRDIFF_MAX);
  void* data = possible ? ::operator new(bytes > 0 ? bytes : 1, kAlignment, std::nothrow) : nullptr;
  if (data == nullptr) {
    throw Error(ErrorCode::kOutOfMemory, "no host memory for a buffer of " + std::to_string(bytes) + " bytes",
                "choose a smaller context length, batch size or model");
  }
  return std::make_unique<HostBuffer>(static_cast<uint8_t*>(data), bytes);
}

}  // namespace vivace
