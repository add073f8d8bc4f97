#include "backends/cuda/emulator/block.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "backends/cuda/emulator/switch.h"

namespace vivace::cuda {

thread_local constinit uint3 threadIdx{}, blockIdx{};
thread_local constinit dim3 blockDim{}, gridDim{};

namespace {

constexpr unsigned kMostThreads = 1024;
constexpr size_t kStackBytes = size_t{64} << 10, kGuardBytes = size_t{4} << 10, kStagger = 448;

enum class State : uint8_t { kReady, kAtWarp, kAtBlock, kEnded };

struct Copy {
  void* to;
  const void* from;
  int bytes;
  int group;
};

struct Fiber {
  void* stack = nullptr;
  uint3 index{};
  State state = State::kEnded;
  uint32_t awaited = 0;  // generation that the state waits to pass
  bool waited_for_previous = false;
  int copy_groups = 0;  // committed
  std::vector<Copy> copies;
};

struct Warp {
  unsigned live = 0, arrived = 0;
  uint32_t generation = 0;
  alignas(64) uint8_t exchange[2][32 * kExchangeBytes];
};

/// What one host thread runs blocks with.
class BlockRunner {
 public:
  BlockRunner() {
    const size_t bytes = kMostThreads * kStackBytes;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    stacks_ = static_cast<uint8_t*>(memory);
    for (unsigned i = 0; i < kMostThreads; ++i) mprotect(stacks_ + i * kStackBytes, kGuardBytes, PROT_NONE);
  }
  ~BlockRunner() { munmap(stacks_, kMostThreads * kStackBytes); }
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  const char* run(uint3 block, dim3 size, size_t shared_bytes, const std::function<void()>& thread);

  void* shared() { return shared_.data(); }
  Fiber& current() { return fibers_[current_]; }
  Warp& warp() { return warps_[current_ / 32]; }
  unsigned lane() const { return current_ % 32; }

  void wait_for_block() {
    Fiber& fiber = current();
    fiber.awaited = generation_;
    if (++arrived_ < live_) return wait(State::kAtBlock);
    release_block();
  }

  void wait_for_warp() {
    Fiber& fiber = current();
    Warp& lanes = warp();
    fiber.awaited = lanes.generation;
    if (++lanes.arrived < lanes.live) return wait(State::kAtWarp);
    release_warp(lanes);
  }

 private:
  static void enter();
  void end_fiber();

  void release_block() {
    arrived_ = 0;
    ++generation_;
  }
  static void release_warp(Warp& lanes) {
    lanes.arrived = 0;
    ++lanes.generation;
  }

  void wait(State state) {
    Fiber& fiber = current();
    fiber.state = state;
    leave(fiber);
    fiber.state = State::kReady;
  }

  bool ready(unsigned i) const {
    const Fiber& fiber = fibers_[i];
    switch (fiber.state) {
      case State::kReady:
        return true;
      case State::kAtWarp:
        return warps_[i / 32].generation != fiber.awaited;
      case State::kAtBlock:
        return generation_ != fiber.awaited;
      case State::kEnded:
        break;
    }
    return false;
  }

  /// The next thread that can go on: first of this warp, then of the others; count_ where there is none.
  unsigned next() const {
    if ((current_ + 1) % 32 != 0 && current_ + 1 < count_ && ready(current_ + 1)) return current_ + 1;
    const unsigned first = current_ / 32 * 32, lanes = std::min(32u, count_ - first);
    for (unsigned i = 1; i <= lanes; ++i) {
      const unsigned lane = first + (current_ - first + i) % lanes;
      if (ready(lane)) return lane;
    }
    for (unsigned i = 1; i < count_; ++i) {
      if (ready((first + i) % count_)) return (first + i) % count_;
    }
    return count_;
  }

  void leave(Fiber& fiber) {
    const unsigned to = next();
    if (to == count_) {
      if (live_ > 0) problem_ = "threads of a block wait for each other in vain";
      vivace_emulator_switch(&fiber.stack, outside_);
    } else if (to != current_) {
      current_ = to;
      threadIdx = fibers_[to].index;
      vivace_emulator_switch(&fiber.stack, fibers_[to].stack);
    }
  }

  uint8_t* stacks_;
  std::vector<Fiber> fibers_ = std::vector<Fiber>(kMostThreads);
  std::vector<Warp> warps_ = std::vector<Warp>(kMostThreads / 32);
  std::vector<uint4> shared_ = std::vector<uint4>(kMostDynamicShared / sizeof(uint4));
  const std::function<void()>* thread_ = nullptr;
  const char* problem_ = nullptr;
  void* outside_ = nullptr;
  unsigned count_ = 0, live_ = 0, arrived_ = 0, current_ = 0;
  uint32_t generation_ = 0;
};

thread_local BlockRunner* runner = nullptr;

/// Runners are kept: their stacks take a thousand calls of the system.
class Runners {
 public:
  std::unique_ptr<BlockRunner> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<BlockRunner>();
    std::unique_ptr<BlockRunner> taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }
  void give_back(std::unique_ptr<BlockRunner> given) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(given));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<BlockRunner>> idle_;
};

Runners& runners() {
  static Runners all;
  return all;
}

void BlockRunner::enter() {
  (*runner->thread_)();
  runner->end_fiber();
}

void BlockRunner::end_fiber() {
  Fiber& fiber = current();
  if (!fiber.waited_for_previous) problem_ = "a thread ended without wait_for_previous_kernel()";
  if (!fiber.copies.empty()) problem_ = "a thread ended with copies that it never waited for";
  fiber.state = State::kEnded;
  Warp& lanes = warp();
  if (--lanes.live > 0 && lanes.arrived == lanes.live) release_warp(lanes);
  if (--live_ > 0 && arrived_ == live_) release_block();
  leave(fiber);
}

const char* BlockRunner::run(uint3 block, dim3 size, size_t shared_bytes, const std::function<void()>& thread) {
  count_ = live_ = size.x * size.y * size.z;
  arrived_ = 0;
  current_ = 0;
  problem_ = nullptr;
  thread_ = &thread;
  blockIdx = block;
  for (unsigned w = 0; w * 32 < count_; ++w) {
    warps_[w].live = std::min(32u, count_ - w * 32);
    warps_[w].arrived = 0;
  }
  std::memset(static_cast<void*>(shared_.data()), 0xFF, shared_bytes);
  for (unsigned i = 0; i < count_; ++i) {
    Fiber& fiber = fibers_[i];
    fiber.index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
    fiber.state = State::kReady;
    fiber.waited_for_previous = false;
    fiber.copy_groups = 0;
    fiber.copies.clear();
    // Staggered: at the same offset of a page, the stacks of a warp would displace each other from the cache.
    fiber.stack = make_stack(stacks_ + (i + 1) * kStackBytes - i % 32 * kStagger, enter);
  }
  threadIdx = fibers_[0].index;
  vivace_emulator_switch(&outside_, fibers_[0].stack);
  return problem_;
}

struct Grid {
  dim3 grid, block;
  size_t shared_bytes;
  const std::function<void()>& thread;
  std::atomic<uint64_t> next{0};
  std::atomic<const char*> problem{nullptr};

  void run_blocks() {
    std::unique_ptr<BlockRunner> mine = runners().take();
    runner = mine.get();
    blockDim = block;
    gridDim = grid;
    const uint64_t count = uint64_t{grid.x} * grid.y * grid.z;
    for (uint64_t i = next++; i < count; i = next++) {
      const uint3 index{unsigned(i % grid.x), unsigned(i / grid.x % grid.y), unsigned(i / grid.x / grid.y)};
      if (const char* what = runner->run(index, block, shared_bytes, thread)) problem = what;
    }
    runner = nullptr;
    runners().give_back(std::move(mine));
  }
};

}  // namespace

void* dynamic_shared() { return runner->shared(); }

void __syncthreads() { runner->wait_for_block(); }

const uint8_t* exchange_bytes(const void* mine, size_t bytes) {
  Warp& lanes = runner->warp();
  uint8_t* all = lanes.exchange[lanes.generation % 2];
  std::memcpy(all + runner->lane() * kExchangeBytes, mine, bytes);
  runner->wait_for_warp();
  return all;
}

void start_copy(void* to, const void* from, int bytes) {
  Fiber& fiber = runner->current();
  fiber.copies.push_back({to, from, bytes, fiber.copy_groups});
}

void commit_started_copies() { ++runner->current().copy_groups; }

void wait_started_copies(int groups_left) {
  Fiber& fiber = runner->current();
  size_t kept = 0;
  for (const Copy& copy : fiber.copies) {
    if (copy.group >= fiber.copy_groups - groups_left) {
      fiber.copies[kept++] = copy;
      continue;
    }
    std::memset(copy.to, 0, 16);
    std::memcpy(copy.to, copy.from, size_t(copy.bytes));
  }
  fiber.copies.resize(kept);
}

void mark_waited() { runner->current().waited_for_previous = true; }

const char* run_grid(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& thread) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z, blocks = uint64_t{grid.x} * grid.y * grid.z;
  if (threads == 0 || threads > kMostThreads || blocks == 0) return "a grid or block of a size that there isn't";
  if (grid.y > 65535 || grid.z > 65535) return "a grid of more than 65535 blocks across";
  if (shared_bytes > kMostDynamicShared) return "more shared memory than a block has";
  Grid work{grid, block, shared_bytes, thread};
  const unsigned helpers =
      unsigned(std::min<uint64_t>(blocks / 8, std::max(1u, std::thread::hardware_concurrency()) - 1));
  std::vector<std::thread> others;
  for (unsigned i = 0; i < helpers; ++i) others.emplace_back([&work] { work.run_blocks(); });
  work.run_blocks();
  for (std::thread& other : others) other.join();
  return work.problem;
}

}  // namespace vivace::cuda
