#include "backends/cpu/cpu_memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"

namespace vivace {
namespace {

constexpr std::align_val_t kScratchAlignment{64};

class CpuBuffer final : public Buffer {
 public:
  CpuBuffer(size_t bytes, PageMemory::Pages pages) : memory_(bytes, pages) {}

  size_t size() const override { return memory_.size(); }
  uint8_t* host_data() override { return reinterpret_cast<uint8_t*>(memory_.data()); }
  void give_back() override { memory_.discard(0, memory_.size()); }
  void write(size_t offset, std::span<const uint8_t> bytes) override {
    check(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(memory_.data() + offset, bytes.data(), bytes.size());
  }
  void read(size_t offset, std::span<uint8_t> bytes) const override {
    check(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(bytes.data(), memory_.data() + offset, bytes.size());
  }

 private:
  void check(size_t offset, size_t bytes) const {
    if (offset > memory_.size() || bytes > memory_.size() - offset) {
      throw Error(ErrorCode::kInternal, "a copy of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                                            " leaves its buffer of " + std::to_string(memory_.size()) + " bytes");
    }
  }

  PageMemory memory_;
};

}  // namespace

std::unique_ptr<Buffer> make_cpu_buffer(size_t bytes, bool huge_pages) {
  return std::make_unique<CpuBuffer>(bytes, huge_pages ? PageMemory::Pages::kLarge : PageMemory::Pages::kNormal);
}

void WorkerScratch::Free::operator()(float* block) const { ::operator delete[](block, kScratchAlignment); }

void WorkerScratch::reserve(size_t floats) { floats_ = std::max(floats_, (floats + 15) / 16 * 16); }

std::unique_ptr<float[], WorkerScratch::Free> WorkerScratch::make_block(size_t floats) {
  auto* block = static_cast<float*>(::operator new[](floats * sizeof(float), kScratchAlignment, std::nothrow));
  if (block == nullptr) {
    throw Error(ErrorCode::kOutOfMemory,
                "no memory for " + std::to_string(floats * sizeof(float)) + " bytes of scratch");
  }
  return std::unique_ptr<float[], Free>(block);
}

void WorkerScratch::prepare(int32_t threads) {
  if (allocated_ < floats_) {
    blocks_.clear();
    allocated_ = floats_;
  }
  while (blocks_.size() < size_t(threads)) blocks_.push_back(make_block(allocated_));
}

void WorkerScratch::reserve_shared(size_t floats) {
  if (floats <= shared_floats_) return;
  shared_ = make_block(floats);
  shared_floats_ = floats;
}

}  // namespace vivace
