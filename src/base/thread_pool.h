// The worker threads of the process: one pool, owned by the machine and lent to engines and backends.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace vivace {

/// Runs one function on several threads at once. Idle workers spin for about 20 microseconds, then sleep until the
/// next run: between requests the pool uses no CPU time.
class ThreadPool {
 public:
  /// A pool of `size` threads, at least 1: the caller of run() and size - 1 workers, which the system may place as it
  /// likes. Throws Error kInvalidArgument for a size < 1, kOutOfMemory when the threads can't be had.
  explicit ThreadPool(int size);

  /// The same with worker i (1 …) kept on logical CPU worker_cpus[i - 1]; a negative number leaves that worker free.
  explicit ThreadPool(const std::vector<int>& worker_cpus);

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Threads that can take part in a run, the caller included.
  int size() const { return size_; }

  /// Calls work(i) exactly once for every i in [0, threads) and returns when all calls have returned. The caller does
  /// work(0); the others run on workers, except that the caller takes over the calls no worker has begun when its own
  /// is done (a busy machine never waits for a thread that is not running). Only threads - 1 workers are woken.
  /// The first exception is rethrown here after all calls ended. Several threads may call run(): one after the other
  /// gets the workers. Work must not call run() of the same pool. 1 <= threads <= size(), else Error kInvalidArgument.
  void run(int threads, FunctionRef<void(int thread_index)> work);

 private:
  struct alignas(64) Worker {
    // Even: nothing to do. Odd: a call is posted. Whoever moves it from odd to even makes the call.
    std::atomic<uint32_t> ticket{0};
    std::thread thread;
  };

  void start(const std::vector<int>& worker_cpus);
  void stop();
  void worker_loop(int index, int cpu);
  void call(int index) noexcept;
  void wait_for_workers();

  int size_ = 1;
  std::unique_ptr<Worker[]> workers_;  // [size - 1]; workers_[i] makes the calls of index i + 1
  std::mutex run_mutex_;
  const FunctionRef<void(int)>* work_ = nullptr;  // valid while calls are posted or running
  std::exception_ptr error_;                      // of the call that won failed_
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<int> remaining_{0};  // calls by workers that have not returned
};

}  // namespace vivace
