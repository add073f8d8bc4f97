// A step as a list of stages that the threads walk together inside one parallel region. A stage is cut into chunks, of
// which each thread has a range of neighbours, so that it reads weights as one stream; it claims them one by one, then
// those left in the ranges of others. When none is left it waits for the chunks others have claimed, never for threads
// that have not arrived: those find finished stages and skip on.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "device/step_inputs.h"

namespace vivace {

/// A part of a step whose chunks may run at once and in any order.
class Stage {
 public:
  virtual ~Stage() = default;
  /// Looks at the step's inputs and decides how to cut the work for `threads` threads; returns the number of chunks, 0
  /// for nothing to do. Called by one thread before the stages run.
  virtual int32_t prepare(const StepInputs& inputs, int32_t threads) = 0;
  /// Does chunk 0 <= chunk < prepare(). `worker`: index of the calling thread, below `threads`.
  virtual void run(const StepInputs& inputs, int32_t chunk, int32_t worker) = 0;
};

/// A recorded sequence of stages; may be run any number of times, by one caller at a time.
class Program {
 public:
  void append(std::unique_ptr<Stage> stage);
  bool empty() const { return stages_.empty(); }
  size_t size() const { return stages_.size(); }
  /// The last stage, or null: the recorder extends it.
  Stage* last() { return stages_.empty() ? nullptr : stages_.back().stage.get(); }

  /// Runs every stage in order with `threads` threads of the pool (1: without it). The first exception of a chunk is
  /// rethrown; what was left of the program is then skipped.
  void run(const StepInputs& inputs, ThreadPool& pool, int32_t threads);

 private:
  struct Entry {
    std::unique_ptr<Stage> stage;
    int32_t chunks = 0;
  };
  struct alignas(64) Counter {
    std::atomic<int32_t> value{0};
  };

  void prepare(const StepInputs& inputs, int32_t threads);
  void walk(const StepInputs& inputs, int32_t worker, int32_t threads);
  void claim_range(size_t stage, int32_t owner, const StepInputs& inputs, int32_t worker, int32_t threads);
  void run_chunk(Stage& stage, const StepInputs& inputs, int32_t chunk, int32_t worker) noexcept;
  /// Of each stage: the chunks done, then the next chunk of each thread's range.
  Counter* counters(size_t stage, int32_t threads) { return &counters_[stage * size_t(threads + 1)]; }

  std::vector<Entry> stages_;
  std::unique_ptr<Counter[]> counters_;
  size_t counters_size_ = 0;
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;  // of the chunk that set failed_ first
};

}  // namespace vivace
