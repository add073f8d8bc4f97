// The pool: every call once, only the threads asked for, exceptions, several callers, no CPU time when idle.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace vivace {
namespace {

TEST(ThreadPool, EveryIndexIsCalledExactlyOnce) {
  ThreadPool pool(4);
  EXPECT_EQ(pool.size(), 4);
  for (int round = 0; round < 2000; ++round) {
    const int threads = 1 + round % 4;
    std::vector<int> calls(4, 0);  // plain ints: a second call or a late one is a race that TSan sees
    pool.run(threads, [&](int index) { ++calls[index]; });
    for (int i = 0; i < 4; ++i) ASSERT_EQ(calls[i], i < threads ? 1 : 0) << round;
  }
}

TEST(ThreadPool, TheCallerIsIndexZero) {
  ThreadPool pool(2);
  const auto caller = std::this_thread::get_id();
  pool.run(2, [&](int index) {
    const bool same = std::this_thread::get_id() == caller;
    EXPECT_TRUE(index != 0 || same);
  });
}

TEST(ThreadPool, CallsMayWaitForEachOther) {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> arrived{0};
    pool.run(3, [&](int) {
      arrived.fetch_add(1);
      while (arrived.load() < 3) std::this_thread::yield();
    });
    ASSERT_EQ(arrived.load(), 3);
  }
}

TEST(ThreadPool, TheFirstExceptionReachesTheCallerAndThePoolLivesOn) {
  ThreadPool pool(4);
  for (int thrower = 0; thrower < 4; ++thrower) {
    std::atomic<int> calls{0};
    try {
      pool.run(4, [&](int index) {
        calls.fetch_add(1);
        if (index == thrower) throw std::runtime_error("thrown by " + std::to_string(index));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& e) {
      EXPECT_EQ(std::string(e.what()), "thrown by " + std::to_string(thrower));
    }
    EXPECT_EQ(calls.load(), 4);
  }
  EXPECT_THROW(pool.run(4, [](int) { throw Error(ErrorCode::kCancelled, "all"); }), Error);
  pool.run(4, [](int) {});
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  ThreadPool pool(3);
  std::atomic<int> total{0};
  int inside = 0;  // guarded by the pool: runs of more than one thread exclude each other
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        pool.run(3, [&](int index) {
          total.fetch_add(1);
          if (index == 0) ++inside;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total.load(), 4 * 300 * 3);
  EXPECT_EQ(inside, 4 * 300);
}

TEST(ThreadPool, ThreadsOutOfRangeAreRefused) {
  EXPECT_THROW(ThreadPool(0), Error);
  ThreadPool pool(2);
  EXPECT_THROW(pool.run(0, [](int) {}), Error);
  EXPECT_THROW(pool.run(3, [](int) {}), Error);
}

TEST(ThreadPool, APoolOfOneHasNoWorkers) {
  ThreadPool pool(1);
  int calls = 0;
  pool.run(1, [&](int) { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(ThreadPool, PinnedWorkersRunAndAPinThatIsRefusedDoesNoHarm) {
  ThreadPool pool(std::vector<int>{0, 100000});
  std::atomic<int> calls{0};
  pool.run(3, [&](int) { calls.fetch_add(1); });
  EXPECT_EQ(calls.load(), 3);
}

TEST(ThreadPool, IdleWorkersUseNoCpuTime) {
  ThreadPool pool(4);
  pool.run(4, [](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::clock_t before = std::clock();  // CPU time of the whole process
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.05);
}

}  // namespace
}  // namespace vivace
