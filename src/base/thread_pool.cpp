// The worker threads of the process.
#include "base/thread_pool.h"

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/os/cpu_relax.h"
#include "base/os/thread.h"

namespace vivace {
namespace {

constexpr auto kSpinTime = std::chrono::microseconds(20);
constexpr int kLooksPerClockRead = 16;

// Waits until the value differs from `old`: first spinning, since the next op of a step comes within microseconds,
// then asleep.
template <class T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kLooksPerClockRead; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      cpu_relax();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
}

bool is_posted(uint32_t ticket) { return (ticket & 1) != 0; }

}  // namespace

ThreadPool::ThreadPool(int size) {
  if (size < 1) throw Error(ErrorCode::kInvalidArgument, "a thread pool of " + std::to_string(size) + " threads");
  start(std::vector<int>(static_cast<size_t>(size - 1), -1));
}

ThreadPool::ThreadPool(const std::vector<int>& worker_cpus) { start(worker_cpus); }

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::start(const std::vector<int>& worker_cpus) {
  const int count = static_cast<int>(worker_cpus.size());
  workers_ = std::make_unique<Worker[]>(worker_cpus.size());
  size_ = count + 1;
  try {
    for (int i = 0; i < count; ++i) {
      workers_[i].thread = std::thread(&ThreadPool::worker_loop, this, i + 1, worker_cpus[i]);
    }
  } catch (const std::system_error& e) {
    stop();
    throw Error(ErrorCode::kOutOfMemory, "can't start " + std::to_string(count) + " threads: " + e.what(),
                "use fewer threads");
  }
}

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_relaxed);  // published by the tickets
  for (int i = 0; i < size_ - 1; ++i) {
    if (!workers_[i].thread.joinable()) continue;
    workers_[i].ticket.fetch_add(1, std::memory_order_release);
    workers_[i].ticket.notify_one();
    workers_[i].thread.join();
  }
}

void ThreadPool::worker_loop(int index, int cpu) {
  name_this_thread(("vivace-" + std::to_string(index)).c_str());
  if (cpu >= 0) pin_this_thread(cpu);  // refused, for example by a cgroup: it runs unpinned
  std::atomic<uint32_t>& ticket = workers_[index - 1].ticket;
  for (;;) {
    uint32_t seen = ticket.load(std::memory_order_acquire);
    if (!is_posted(seen)) {
      wait_while_equal(ticket, seen);
      continue;
    }
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!ticket.compare_exchange_strong(seen, seen + 1, std::memory_order_acq_rel)) continue;  // the caller took it
    call(index);
    if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) remaining_.notify_one();
  }
}

void ThreadPool::call(int index) noexcept {
  try {
    (*work_)(index);
  } catch (...) {
    if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
  }
}

void ThreadPool::wait_for_workers() {
  for (;;) {
    const int left = remaining_.load(std::memory_order_acquire);
    if (left == 0) return;
    wait_while_equal(remaining_, left);
  }
}

void ThreadPool::run(int threads, FunctionRef<void(int thread_index)> work) {
  if (threads < 1 || threads > size_) {
    throw Error(ErrorCode::kInvalidArgument,
                "asked for " + std::to_string(threads) + " threads of a pool that has " + std::to_string(size_));
  }
  if (threads == 1) return work(0);
  std::lock_guard<std::mutex> lock(run_mutex_);
  work_ = &work;
  remaining_.store(threads - 1, std::memory_order_relaxed);
  for (int i = 0; i < threads - 1; ++i) {
    workers_[i].ticket.fetch_add(1, std::memory_order_release);
    workers_[i].ticket.notify_one();
  }
  call(0);
  for (int i = threads - 2; i >= 0; --i) {  // backwards: workers were woken in ascending order
    uint32_t seen = workers_[i].ticket.load(std::memory_order_relaxed);
    if (!is_posted(seen) || !workers_[i].ticket.compare_exchange_strong(seen, seen + 1, std::memory_order_acq_rel)) {
      continue;
    }
    call(i + 1);
    remaining_.fetch_sub(1, std::memory_order_relaxed);
  }
  wait_for_workers();
  work_ = nullptr;
  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    const std::exception_ptr error = std::exchange(error_, nullptr);
    std::rethrow_exception(error);
  }
}

}  // namespace vivace
