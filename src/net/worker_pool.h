// Threads that make requests ready: parse, render, tokenize. Not for what waits long.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vivace {

class WorkerPool {
 public:
  /// Throws Error kOutOfMemory where the system gives no threads.
  explicit WorkerPool(int threads);
  /// Finishes what was posted.
  ~WorkerPool();

  /// Runs `work` on one of the threads; what it throws ends it and nothing else.
  void post(std::function<void()> work);

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vivace
