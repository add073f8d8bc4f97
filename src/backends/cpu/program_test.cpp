// The executor: every chunk once, stages in order, errors, replays, many threads.
#include "backends/cpu/program.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/error.h"

namespace vivace {
namespace {

// Counts the tokens of the step in chunks of one and checks that the stage before it is complete.
class CountingStage : public Stage {
 public:
  CountingStage(const CountingStage* before, int32_t scale) : before_(before), scale_(scale) {}

  int32_t prepare(const StepInputs& inputs, int32_t threads) override {
    chunks_ = inputs.tokens() * scale_;
    values_.assign(chunks_, 0);
    return chunks_;
  }
  void run(const StepInputs& inputs, int32_t chunk, int32_t worker) override {
    if (delay_us && chunk == 0) std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
    if (fails && chunk == chunks_ / 2) throw Error(ErrorCode::kInternal, "chunk failed");
    int64_t sum = 1;
    if (before_) {
      for (int32_t value : before_->values_) sum += value != 0;
    }
    values_[chunk] += int32_t(sum);  // plain memory: TSan sees it when stages overlap
  }
  void expect_complete() const {
    const int32_t expected = 1 + (before_ ? before_->chunks_ : 0);
    for (int32_t value : values_) ASSERT_EQ(value, expected);
  }

  int32_t delay_us = 0;
  bool fails = false;

 private:
  const CountingStage* before_;
  int32_t scale_;
  int32_t chunks_ = 0;
  std::vector<int32_t> values_;
};

struct Built {
  Program program;
  std::vector<CountingStage*> stages;
};

void build(Built& built, int count) {
  const CountingStage* before = nullptr;
  for (int i = 0; i < count; ++i) {
    auto stage = std::make_unique<CountingStage>(before, 1 + i % 3);
    before = stage.get();
    built.stages.push_back(stage.get());
    built.program.append(std::move(stage));
  }
}

TEST(Program, RunsEveryChunkOnceInOrderOnAnyThreadCount) {
  ThreadPool pool(8);
  StepInputs inputs(StepLimits{});
  Built built;
  build(built, 24);
  for (int round = 0; round < 60; ++round) {
    for (int threads : {1, 2, 3, 8}) {
      inputs.tokens() = (round * 7) % 13;  // also a step without work
      built.program.run(inputs, pool, threads);
      for (const CountingStage* stage : built.stages) stage->expect_complete();
    }
  }
}

TEST(Program, WaitersSleepAndWake) {
  ThreadPool pool(4);
  StepInputs inputs(StepLimits{});
  inputs.tokens() = 3;
  Built built;
  build(built, 6);
  for (CountingStage* stage : built.stages) stage->delay_us = 500;
  for (int round = 0; round < 5; ++round) {
    built.program.run(inputs, pool, 4);
    for (const CountingStage* stage : built.stages) stage->expect_complete();
  }
}

TEST(Program, AnErrorSkipsTheRestAndIsThrown) {
  ThreadPool pool(4);
  StepInputs inputs(StepLimits{});
  inputs.tokens() = 9;
  for (int threads : {1, 4}) {
    Built built;
    build(built, 5);
    built.stages[2]->fails = true;
    EXPECT_THROW(built.program.run(inputs, pool, threads), Error);
    built.stages[2]->fails = false;
    built.program.run(inputs, pool, threads);
    for (const CountingStage* stage : built.stages) stage->expect_complete();
  }
}

TEST(Program, SeveralProgramsShareAPool) {
  ThreadPool pool(3);
  StepInputs inputs(StepLimits{});
  inputs.tokens() = 5;
  auto work = [&] {
    Built built;
    build(built, 8);
    for (int round = 0; round < 40; ++round) {
      built.program.run(inputs, pool, 3);
      for (const CountingStage* stage : built.stages) stage->expect_complete();
    }
  };
  std::thread other(work);
  work();
  other.join();
}

}  // namespace
}  // namespace vivace
