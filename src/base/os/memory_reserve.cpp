#include "base/os/memory_reserve.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace vivace {
namespace {

constexpr size_t kBytes = size_t{4} << 20;

std::atomic<bool> installed{false};
std::atomic<void*> reserve{nullptr};

void give_up_reserve() {
  void* block = reserve.exchange(nullptr);
  if (block == nullptr) throw std::bad_alloc();
  std::free(block);
}

}  // namespace

void install_memory_reserve() {
  installed = true;
  keep_memory_reserve();
  std::set_new_handler(give_up_reserve);
}

bool keep_memory_reserve() {
  if (!installed || reserve.load() != nullptr) return true;
  void* block = std::malloc(kBytes);
  if (block == nullptr) return false;
  void* none = nullptr;
  if (!reserve.compare_exchange_strong(none, block)) std::free(block);  // another thread was first
  return true;
}

}  // namespace vivace
