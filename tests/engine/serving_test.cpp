// What servers ask of an engine: bounds of time and of the line, constraints, pooled hidden states, long prompts beside
// running answers, and a crowd with tiny pools in which nobody starves and nothing leaks.
#include <atomic>
#include <random>
#include <thread>

#include "engine_rig.h"

namespace vivace::test {
namespace {

std::vector<TokenId> prompt(int32_t count, uint64_t seed = 1) { return random_tokens(count, 96, seed); }

/// Lets through the multiples of `step`, and fails at the `fail_at`-th token.
class EveryNth : public TokenConstraint {
 public:
  explicit EveryNth(int step, int fail_at = -1) : step_(step), fail_at_(fail_at), mask_(3, 0) {
    for (int id = 0; id < 96; id += step) mask_[size_t(id) / 32] |= 1u << (id % 32);
  }
  std::span<const uint32_t> allowed() override {
    if (int(taken.size()) == fail_at_) throw Error(ErrorCode::kInvalidArgument, "no way on");
    ++asked;
    return mask_;
  }
  bool take(TokenId id) override {
    if (id % step_ != 0 || int(taken.size()) == fail_at_) return false;
    taken.push_back(id);
    return true;
  }
  std::vector<TokenId> taken;
  int asked = 0;

 private:
  int step_;
  int fail_at_;
  std::vector<uint32_t> mask_;
};

/// The same, which always has to be asked what may come.
class AskedEveryNth : public EveryNth {
 public:
  using EveryNth::EveryNth;
  bool take(TokenId id) override { return asked > int(taken.size()) && EveryNth::take(id); }
};

TEST(Serving, ConstraintsHoldAndFailAlone) {
  TinyEngine tiny(engine_wishes(128, 3));
  tiny.open();
  Transcripts transcripts;
  const auto sevens = std::make_shared<EveryNth>(7);
  Request held = greedy_request(prompt(20), 12), broken = greedy_request(prompt(20), 12);
  held.constraint = sevens;
  broken.constraint = std::make_shared<EveryNth>(5, 3);
  tiny.engine->submit(held, transcripts.sink(0));
  tiny.engine->submit(broken, transcripts.sink(1));
  tiny.engine->submit(greedy_request(prompt(20), 12), transcripts.sink(2));
  const Transcript first = transcripts.wait(0), second = transcripts.wait(1);
  EXPECT_EQ(first.ids.size(), 12u);
  EXPECT_EQ(first.ids, sevens->taken);
  for (TokenId id : first.ids) EXPECT_EQ(id % 7, 0);
  ASSERT_TRUE(second.error);
  EXPECT_STREQ(second.error->what(), "no way on");
  EXPECT_EQ(second.ids.size(), 3u);
  EXPECT_EQ(transcripts.wait(2).finished.reason, FinishReason::kMaxTokens);
}

TEST(Serving, WhatTheModelWantsAnyhowIsTheAnswerOfTheMask) {
  TinyEngine tiny(engine_wishes(128, 2));
  tiny.open();
  Transcripts transcripts;
  const auto wanted = std::make_shared<EveryNth>(2);
  const auto asked = std::make_shared<AskedEveryNth>(2);
  Request one = greedy_request(prompt(20), 40), other = one;
  one.constraint = wanted;
  other.constraint = asked;
  tiny.engine->submit(one, transcripts.sink(0));
  tiny.engine->submit(other, transcripts.sink(1));
  EXPECT_EQ(transcripts.wait(0).ids, transcripts.wait(1).ids);
  EXPECT_EQ(asked->asked, 40);
  EXPECT_LT(wanted->asked, 40);
}

TEST(Serving, TimeRunsOut) {
  TinyEngine tiny(engine_wishes(8192, 1));
  tiny.open();
  Transcripts transcripts;
  Request request = greedy_request(prompt(8), -1);
  request.most_seconds = 0.05;
  tiny.engine->submit(request, transcripts.sink(0));
  tiny.engine->submit(request, transcripts.sink(1));  // waits for the slot, and may not get it in time
  EXPECT_EQ(transcripts.wait(0).finished.reason, FinishReason::kTimeLimit);
  EXPECT_EQ(transcripts.wait(1).finished.reason, FinishReason::kTimeLimit);
}

TEST(Serving, TheLineHasAnEnd) {
  TinyEngine tiny(engine_wishes(8192, 1));
  EngineOptions options;
  options.most_waiting = 2;
  tiny.open(nullptr, options);
  Transcripts transcripts;
  std::vector<RequestId> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(tiny.engine->submit(greedy_request(prompt(8), 4000), transcripts.sink(i)));
  const Transcript last = transcripts.wait(7);
  ASSERT_TRUE(last.error);
  EXPECT_EQ(last.error->code(), ErrorCode::kOverloaded);
  for (RequestId id : ids) tiny.engine->cancel(id);
  for (int i = 0; i < 8; ++i) transcripts.wait(i);
  tiny.engine->submit(greedy_request(prompt(8), 2), transcripts.sink(20));
  EXPECT_EQ(transcripts.wait(20).ids.size(), 2u) << "there is room again";
}

/// Waits until the engine says so; false: it does not.
template <class Says>
bool comes_to(Engine& engine, const Says& says) {
  for (int i = 0; i < 1000; ++i) {
    if (says(engine.stats())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Serving, ShortMemoryTakesTheCacheThenTheCompany) {
  std::atomic<bool> is_short = false;
  EngineOptions options;
  options.memory_stall = [&] {
    return is_short ? std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count() : 0;
  };
  TinyEngine tiny(engine_wishes(8192, 4));
  tiny.open(nullptr, options);
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt(100), 4), transcripts.sink(0));
  tiny.engine->submit(greedy_request(prompt(100), 4), transcripts.sink(1));
  const Transcript before = transcripts.wait(0);
  transcripts.wait(1);
  EXPECT_TRUE(comes_to(*tiny.engine, [](const EngineStats& s) { return s.running == 0 && s.free_pages < s.pages; }))
      << "prefixes are kept";
  is_short = true;
  EXPECT_TRUE(comes_to(*tiny.engine, [](const EngineStats& s) { return s.strained && s.free_pages == s.pages; }))
      << "an idle engine lets go of them";
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // and finds nothing more
  std::vector<RequestId> ids;
  for (int i = 2; i < 4; ++i) ids.push_back(tiny.engine->submit(greedy_request(prompt(8), 8000), transcripts.sink(i)));
  EXPECT_TRUE(comes_to(*tiny.engine, [](const EngineStats& s) { return s.running == 1 && s.waiting == 1; }));
  is_short = false;
  EXPECT_TRUE(comes_to(*tiny.engine, [](const EngineStats& s) { return !s.strained && s.running == 2; }));
  for (RequestId id : ids) tiny.engine->cancel(id);
  tiny.engine->submit(greedy_request(prompt(100), 4), transcripts.sink(4));
  const Transcript after = transcripts.wait(4);
  EXPECT_EQ(after.started.cached_tokens, 0);
  EXPECT_EQ(after.ids, before.ids);
}

TEST(Serving, PromptsTellHowFarTheyAre) {
  TinyEngine tiny(engine_wishes(256, 1, 32));
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt(100), 1), transcripts.sink(0));
  const Transcript told = transcripts.wait(0);
  ASSERT_EQ(told.progress.size(), 3u);
  EXPECT_EQ(told.progress[0].done, 32);
  EXPECT_EQ(told.progress[2].done, 96);
  EXPECT_EQ(told.progress[2].total, 100);
}

TEST(Serving, PooledHiddenStatesDoNotDependOnTheirCompany) {
  for (const Pooling pooling : {Pooling::kLast, Pooling::kMean}) {
    TinyEngine tiny(engine_wishes(256, 3, 32));
    tiny.open();
    Transcripts transcripts;
    Request pooled = greedy_request(prompt(75), 0);
    pooled.pooling = pooling;
    tiny.engine->submit(pooled, transcripts.sink(0));
    const Transcript alone = transcripts.wait(0);
    ASSERT_EQ(alone.finished.embedding.size(), 32u);
    double square = 0;
    for (float value : alone.finished.embedding) square += double(value) * value;
    EXPECT_NEAR(square, 1, 1e-5);
    for (int i = 1; i < 9; ++i) {
      tiny.engine->submit(i % 2 == 0 ? pooled : greedy_request(prompt(40, uint64_t(i)), 20), transcripts.sink(i));
    }
    for (int i = 1; i < 9; ++i) {
      const Transcript together = transcripts.wait(i);
      if (i % 2 == 0) {
        EXPECT_EQ(together.finished.embedding, alone.finished.embedding);
      } else {
        EXPECT_EQ(together.ids.size(), 20u);
      }
    }
  }
}

// A model checker's walk: thousands of arrivals, cancels and preemptions over pools that hold a few sequences. Nobody
// starves, no answer differs from the one alone, and in the end every page is free but the cache's.
TEST(Serving, ACrowdWithTinyPools) {
  constexpr int kKinds = 6;
  const auto shrink = [](Plan& plan) {
    for (int32_t& pages : plan.kv_pages) pages = 9;
  };
  for (const PlainSpec& spec : {small_llama(), small_gemma()}) {
    TinyEngine tiny(engine_wishes(160, 5, 48), spec, backends()[0], 1, shrink);
    EngineOptions options;
    options.turn_seconds = 1e-4;  // prompts in the smallest pieces
    tiny.open(nullptr, options);
    Transcripts transcripts;
    const auto request_of = [](int kind) {
      return greedy_request(prompt(10 + 25 * kind, uint64_t(kind % 3)), 5 + 3 * kind);
    };
    std::vector<std::vector<TokenId>> alone;
    for (int kind = 0; kind < kKinds; ++kind) {
      tiny.engine->submit(request_of(kind), transcripts.sink(kind));
      alone.push_back(transcripts.wait(kind).ids);
    }
    std::mt19937 random(9);
#ifdef VIVACE_SANITIZED
    constexpr int kRounds = 80;
#else
    constexpr int kRounds = 400;
#endif
    const int rounds = std::getenv("VIVACE_THOROUGH") != nullptr ? 5000 : kRounds;
    std::vector<std::pair<int, RequestId>> live;  // kind, id; the key is 100 + its number
    std::vector<int> kinds;
    for (int round = 0; round < rounds; ++round) {
      const int kind = int(random() % kKinds);
      const RequestId id = tiny.engine->submit(request_of(kind), transcripts.sink(100 + round));
      kinds.push_back(kind);
      live.emplace_back(round, id);
      if (random() % 4 == 0) tiny.engine->cancel(live[random() % live.size()].second);
      if (live.size() > 12) {  // let some of them end
        transcripts.wait(100 + live.front().first);
        live.erase(live.begin());
      }
    }
    for (int round = 0; round < rounds; ++round) {
      const Transcript told = transcripts.wait(100 + round);
      ASSERT_FALSE(told.error) << told.error->what();
      const std::vector<TokenId>& wanted = alone[size_t(kinds[size_t(round)])];
      ASSERT_LE(told.ids.size(), wanted.size());
      ASSERT_TRUE(std::equal(told.ids.begin(), told.ids.end(), wanted.begin())) << "round " << round;
      if (told.finished.reason == FinishReason::kCancelled) continue;
      ASSERT_EQ(told.ids.size(), wanted.size());
    }
    EXPECT_GT(tiny.engine->stats().preemptions, 0);
    // A request that needs nearly the whole pool gets it: what the cache keeps is given back.
    tiny.engine->submit(greedy_request(prompt(150, 78), 4), transcripts.sink(9999));
    EXPECT_EQ(transcripts.wait(9999).ids.size(), 4u);
  }
}

}  // namespace
}  // namespace vivace::test
