#include "backends/cpu/program.h"

#include <chrono>
#include <utility>

#include "base/os/cpu_relax.h"

namespace vivace {
namespace {

// Longer than most waits between balanced stages, shorter than what a sleeping neighbour costs.
constexpr auto kSpin = std::chrono::microseconds(20);
constexpr int kSpinsPerClock = 32;

/// First chunk of a thread's range.
int32_t range_begin(int32_t chunks, int32_t thread, int32_t threads) {
  return int32_t(int64_t(chunks) * thread / threads);
}

void wait_until(std::atomic<int32_t>& done, int32_t chunks) {
  int32_t seen = done.load(std::memory_order_acquire);
  if (seen == chunks) return;
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kSpinsPerClock; ++i) {
      cpu_relax();
      if (done.load(std::memory_order_acquire) == chunks) return;
    }
  } while (std::chrono::steady_clock::now() < deadline);
  // Only the last chunk notifies; a value that moved before the sleep makes wait() return at once.
  while ((seen = done.load(std::memory_order_acquire)) != chunks) done.wait(seen, std::memory_order_acquire);
}

}  // namespace

void Program::append(std::unique_ptr<Stage> stage) { stages_.push_back({std::move(stage), 0}); }

void Program::prepare(const StepInputs& inputs, int32_t threads) {
  const size_t size = stages_.size() * size_t(threads + 1);
  if (counters_size_ < size) {
    counters_ = std::make_unique<Counter[]>(size);
    counters_size_ = size;
  }
  // No thread is in the region: the pool's run returns only after all of them left, and its start publishes this.
  for (size_t i = 0; i < stages_.size(); ++i) {
    const int32_t chunks = stages_[i].chunks = stages_[i].stage->prepare(inputs, threads);
    Counter* counter = counters(i, threads);
    counter[0].value.store(0, std::memory_order_relaxed);
    for (int32_t t = 0; t < threads; ++t) {
      counter[t + 1].value.store(range_begin(chunks, t, threads), std::memory_order_relaxed);
    }
  }
  failed_.store(false, std::memory_order_relaxed);
  error_ = nullptr;
}

void Program::run_chunk(Stage& stage, const StepInputs& inputs, int32_t chunk, int32_t worker) noexcept {
  if (failed_.load(std::memory_order_relaxed)) return;
  try {
    stage.run(inputs, chunk, worker);
  } catch (...) {
    if (!failed_.exchange(true)) error_ = std::current_exception();
  }
}

/// Runs what is left of the range of thread `owner`.
void Program::claim_range(size_t stage, int32_t owner, const StepInputs& inputs, int32_t worker, int32_t threads) {
  const int32_t chunks = stages_[stage].chunks, end = range_begin(chunks, owner + 1, threads);
  std::atomic<int32_t>& next = counters(stage, threads)[owner + 1].value;
  std::atomic<int32_t>& done = counters(stage, threads)[0].value;
  // A look before the claim: threads that come late or often must not carry the counter away.
  while (next.load(std::memory_order_relaxed) < end) {
    const int32_t chunk = next.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= end) break;
    run_chunk(*stages_[stage].stage, inputs, chunk, worker);
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks) done.notify_all();
  }
}

void Program::walk(const StepInputs& inputs, int32_t worker, int32_t threads) {
  for (size_t i = 0; i < stages_.size(); ++i) {
    for (int32_t t = 0; t < threads; ++t) claim_range(i, (worker + t) % threads, inputs, worker, threads);
    wait_until(counters(i, threads)[0].value, stages_[i].chunks);
  }
}

void Program::run(const StepInputs& inputs, ThreadPool& pool, int32_t threads) {
  prepare(inputs, threads);
  if (threads <= 1) {
    for (Entry& entry : stages_) {
      for (int32_t chunk = 0; chunk < entry.chunks; ++chunk) entry.stage->run(inputs, chunk, 0);
    }
    return;
  }
  pool.run(threads, [&](int worker) { walk(inputs, worker, threads); });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace vivace
