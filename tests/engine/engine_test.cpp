// The engine's promises to its callers: events, ends, refusals, cancels, prefix reuse, preemption, faults.
#include <atomic>
#include <chrono>
#include <thread>

#include "engine_rig.h"

namespace vivace::test {
namespace {

std::vector<TokenId> prompt_of(int32_t count, uint64_t seed = 1) { return random_tokens(count, 96, seed); }

TEST(Engine, EventsComeInOrder) {
  TinyEngine tiny(engine_wishes(128, 2));
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(10), 5), transcripts.sink(0));
  const Transcript t = transcripts.wait(0);
  EXPECT_EQ(t.order, (std::vector<std::string>{"started", "token", "token", "token", "token", "token", "finished"}));
  EXPECT_EQ(t.started.prompt_tokens, 10);
  EXPECT_EQ(t.finished.reason, FinishReason::kMaxTokens);
  EXPECT_EQ(t.finished.usage.prompt_tokens, 10);
  EXPECT_EQ(t.finished.usage.generated_tokens, 5);
  EXPECT_GT(t.finished.timings.prefill_rate, 0);
  EXPECT_GT(t.finished.timings.decode_rate, 0);
  EXPECT_EQ(t.top.size(), 10u);
}

TEST(Engine, GreedyTokensAreThoseOfTheScorer) {
  TinyEngine tiny(engine_wishes(128, 1));
  tiny.open();
  Transcripts transcripts;
  std::vector<TokenId> tokens = prompt_of(20);
  tiny.engine->submit(greedy_request(tokens, 12), transcripts.sink(0));
  const Transcript t = transcripts.wait(0);
  tokens.insert(tokens.end(), t.ids.begin(), t.ids.end());
  score_tokens(*tiny.model, tokens, [&](int32_t position, std::span<const float> logits) {
    if (position < 19 || position == 31) return;
    EXPECT_EQ(t.ids[size_t(position) - 19], std::max_element(logits.begin(), logits.end()) - logits.begin());
  });
}

TEST(Engine, NoTokensWantedMeansPrefillOnly) {
  TinyEngine tiny(engine_wishes(128, 1));
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(10), 0), transcripts.sink(0));
  tiny.engine->submit(greedy_request(prompt_of(10), 1), transcripts.sink(1));
  EXPECT_EQ(transcripts.wait(0).order, (std::vector<std::string>{"started", "finished"}));
  EXPECT_EQ(transcripts.wait(0).finished.reason, FinishReason::kMaxTokens);
  EXPECT_EQ(transcripts.wait(1).order, (std::vector<std::string>{"started", "token", "finished"}));
}

TEST(Engine, FullContextIsReported) {
  TinyEngine tiny(engine_wishes(64, 1));
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(50), -1), transcripts.sink(0));
  tiny.engine->submit(greedy_request(prompt_of(64), -1), transcripts.sink(1));
  EXPECT_EQ(transcripts.wait(0).finished.reason, FinishReason::kContextLength);
  EXPECT_EQ(transcripts.wait(0).ids.size(), 14u);
  EXPECT_EQ(transcripts.wait(1).finished.reason, FinishReason::kContextLength);
  EXPECT_EQ(transcripts.wait(1).ids.size(), 1u) << "a full prompt still has a next token";
}

TEST(Engine, RequestsThatCantRunAreRefused) {
  TinyEngine tiny(engine_wishes(64, 1));
  tiny.open();
  Transcripts transcripts;
  struct Bad {
    Request request;
    ErrorCode code;
  };
  std::vector<Bad> bad{{greedy_request({}, 1), ErrorCode::kInvalidArgument},
                       {greedy_request({96}, 1), ErrorCode::kInvalidArgument},
                       {greedy_request({-1}, 1), ErrorCode::kInvalidArgument},
                       {greedy_request(prompt_of(65), 1), ErrorCode::kContextOverflow},
                       {greedy_request({1}, 1), ErrorCode::kInvalidArgument}};
  bad.back().request.sampling.top_p = 2;
  for (size_t i = 0; i < bad.size(); ++i) tiny.engine->submit(bad[i].request, transcripts.sink(int(i)));
  for (size_t i = 0; i < bad.size(); ++i) {
    const Transcript t = transcripts.wait(int(i));
    EXPECT_EQ(t.order, std::vector<std::string>{"failed"}) << i;
    ASSERT_TRUE(t.error);
    EXPECT_EQ(t.error->code(), bad[i].code) << t.error->what();
  }
}

TEST(Engine, EndTokensEndTheAnswer) {
  TinyEngine tiny(engine_wishes(128, 1));
  Transcripts transcripts;
  tiny.open();
  tiny.engine->submit(greedy_request(prompt_of(10), 8), transcripts.sink(0));
  const std::vector<TokenId> ids = transcripts.wait(0).ids;
  const auto first = std::find(ids.begin(), ids.end(), ids[4]) - ids.begin();
  tiny.engine.reset();
  const FakeVocabulary vocabulary({ids[4]});
  tiny.open(&vocabulary);
  tiny.engine->submit(greedy_request(prompt_of(10), 8), transcripts.sink(1));
  const Transcript ended = transcripts.wait(1);
  EXPECT_EQ(ended.finished.reason, FinishReason::kEnd);
  EXPECT_EQ(ended.ids, std::vector<TokenId>(ids.begin(), ids.begin() + first + 1));
  Request on = greedy_request(prompt_of(10), 8);
  on.ignore_end = true;
  tiny.engine->submit(on, transcripts.sink(2));
  EXPECT_EQ(transcripts.wait(2).ids, ids);
}

TEST(Engine, StopStringsEndTheAnswerAndAreNoPartOfIt) {
  TinyEngine tiny(engine_wishes(256, 1));
  const FakeVocabulary vocabulary;
  tiny.open(&vocabulary);
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(10), 40), transcripts.sink(0));
  const Transcript whole = transcripts.wait(0);
  ASSERT_GT(whole.text.size(), 20u);
  Request request = greedy_request(prompt_of(10), 40);
  size_t at = 3;
  const auto plain = [&](size_t begin) {
    return std::all_of(&whole.text[begin], &whole.text[begin] + 4, [](char c) { return c >= 'a'; });
  };
  while (at + 4 < whole.text.size() && !plain(at)) ++at;
  request.stop = {whole.text.substr(at, 4)};
  tiny.engine->submit(request, transcripts.sink(1));
  const Transcript stopped = transcripts.wait(1);
  EXPECT_EQ(stopped.finished.reason, FinishReason::kStopString);
  EXPECT_EQ(stopped.finished.stop_string, request.stop[0]);
  EXPECT_EQ(stopped.text, whole.text.substr(0, whole.text.find(request.stop[0])));
}

TEST(Engine, ManyRequestsAtOnceAnswerAsAlone) {
  TinyEngine tiny(engine_wishes(128, 4));
  tiny.open();
  Transcripts transcripts;
  for (int i = 0; i < 12; ++i) {
    tiny.engine->submit(greedy_request(prompt_of(5 + 7 * i, uint64_t(i)), 10), transcripts.sink(i));
  }
  for (int i = 0; i < 12; ++i) {
    tiny.engine->submit(greedy_request(prompt_of(5 + 7 * i, uint64_t(i)), 10), transcripts.sink(100 + i));
    EXPECT_EQ(transcripts.wait(i).ids, transcripts.wait(100 + i).ids);
    EXPECT_EQ(transcripts.wait(i).logprobs, transcripts.wait(100 + i).logprobs);
  }
}

TEST(Engine, CancelEndsWaitingAndRunningRequests) {
  TinyEngine tiny(engine_wishes(4096, 1));
  tiny.open();
  Transcripts transcripts;
  const RequestId running = tiny.engine->submit(greedy_request(prompt_of(5), -1), transcripts.sink(0));
  const RequestId waiting = tiny.engine->submit(greedy_request(prompt_of(5), -1), transcripts.sink(1));
  transcripts.wait_for_tokens(0, 3);
  tiny.engine->cancel(waiting);
  const Transcript second = transcripts.wait(1);
  EXPECT_EQ(second.order, std::vector<std::string>{"finished"});
  EXPECT_EQ(second.finished.reason, FinishReason::kCancelled);
  tiny.engine->cancel(running);
  tiny.engine->cancel(running);
  tiny.engine->cancel(12345);
  const Transcript first = transcripts.wait(0);
  EXPECT_EQ(first.finished.reason, FinishReason::kCancelled);
  EXPECT_EQ(first.finished.usage.generated_tokens, int32_t(first.ids.size()));
  tiny.engine->submit(greedy_request(prompt_of(5), 2), transcripts.sink(2));
  EXPECT_EQ(transcripts.wait(2).ids.size(), 2u) << "the slot is free again";
}

TEST(Engine, SinksMaySubmitAndCancel) {
  TinyEngine tiny(engine_wishes(512, 1));
  tiny.open();
  Transcripts transcripts;
  const EventSink inner = transcripts.sink(1);
  const EventSink outer = transcripts.sink(0);
  tiny.engine->submit(greedy_request(prompt_of(5), -1), [&](RequestId id, const Event& event) {
    outer(id, event);
    if (std::holds_alternative<Started>(event)) tiny.engine->submit(greedy_request(prompt_of(5), 1), inner);
    if (std::holds_alternative<TokenEvent>(event)) tiny.engine->cancel(id);
  });
  EXPECT_EQ(transcripts.wait(0).finished.reason, FinishReason::kCancelled);
  EXPECT_EQ(transcripts.wait(1).finished.reason, FinishReason::kMaxTokens);
}

TEST(Engine, DestructionCancelsEverything) {
  Transcripts transcripts;
  {
    TinyEngine tiny(engine_wishes(4096, 2));
    tiny.open();
    for (int i = 0; i < 6; ++i) {
      tiny.engine->submit(greedy_request(prompt_of(5, uint64_t(i)), -1), transcripts.sink(i));
    }
    transcripts.wait_for_tokens(0, 2);
  }
  for (int i = 0; i < 6; ++i) EXPECT_EQ(transcripts.now(i).finished.reason, FinishReason::kCancelled) << i;
}

TEST(Engine, SecondTurnReusesTheFirst) {
  for (const PlainSpec& spec : {small_llama(), small_gemma()}) {
    TinyEngine tiny(engine_wishes(512, 2), spec);
    tiny.open();
    Transcripts transcripts;
    std::vector<TokenId> chat = prompt_of(70);
    tiny.engine->submit(greedy_request(chat, 40), transcripts.sink(0));
    const Transcript first = transcripts.wait(0);
    EXPECT_EQ(first.finished.usage.cached_tokens, 0);
    chat.insert(chat.end(), first.ids.begin(), first.ids.end());
    const std::vector<TokenId> more = prompt_of(20, 9);
    chat.insert(chat.end(), more.begin(), more.end());
    tiny.engine->submit(greedy_request(chat, 10), transcripts.sink(1));
    const Transcript second = transcripts.wait(1);
    EXPECT_EQ(second.started.cached_tokens, 96) << "all full pages of the 109 computed tokens";
    EXPECT_EQ(second.finished.usage.cached_tokens, 96);
    tiny.engine.reset();
    tiny.open(nullptr, {.prefix_cache = false});
    tiny.engine->submit(greedy_request(chat, 10), transcripts.sink(2));
    const Transcript fresh = transcripts.wait(2);
    EXPECT_EQ(fresh.started.cached_tokens, 0);
    EXPECT_EQ(second.ids, fresh.ids);
    EXPECT_EQ(second.logprobs, fresh.logprobs);
  }
}

TEST(Engine, PreemptionChangesNoAnswer) {
  for (const bool prefix_cache : {true, false}) {
    std::vector<Transcript> calm;
    for (const bool tight : {false, true}) {
      TinyEngine tiny(engine_wishes(192, 4, 32), small_llama(), backends()[0], 1, [&](Plan& plan) {
        if (tight) plan.kv_pages.assign(plan.kv_pages.size(), 8);  // of 24: two of four requests fit in full
      });
      tiny.open(nullptr, {prefix_cache});
      Transcripts transcripts;
      for (int i = 0; i < 5; ++i) {
        tiny.engine->submit(greedy_request(prompt_of(30, uint64_t(i)), 90), transcripts.sink(i));
      }
      for (int i = 0; i < 5; ++i) {
        const Transcript t = transcripts.wait(i);
        EXPECT_EQ(t.finished.reason, FinishReason::kMaxTokens);
        if (!tight) {
          calm.push_back(t);
        } else {
          EXPECT_EQ(t.ids, calm[size_t(i)].ids);
          EXPECT_EQ(t.logprobs, calm[size_t(i)].logprobs);
          EXPECT_EQ(t.finished.usage.generated_tokens, 90);
        }
      }
      tiny.engine->submit(greedy_request({1}, 1), transcripts.sink(9));
      transcripts.wait(9);
      if (tight) {
        EXPECT_GT(tiny.engine->stats().preemptions, 0);
      }
    }
  }
}

TEST(Engine, ARequestThatCanNeverFitFailsAlone) {
  for (const bool prefix_cache : {true, false}) {
    TinyEngine tiny(engine_wishes(192, 2, 32), small_llama(), backends()[0], 1,
                    [](Plan& plan) { plan.kv_pages.assign(plan.kv_pages.size(), 3); });
    tiny.open(nullptr, {prefix_cache});
    Transcripts transcripts;
    tiny.engine->submit(greedy_request(prompt_of(150), 4), transcripts.sink(0));
    const Transcript t = transcripts.wait(0);
    ASSERT_TRUE(t.error);
    EXPECT_EQ(t.error->code(), ErrorCode::kOutOfMemory);
    tiny.engine->submit(greedy_request(prompt_of(60), 4), transcripts.sink(1));
    EXPECT_EQ(transcripts.wait(1).finished.reason, FinishReason::kMaxTokens);
  }
}

/// A device whose streams fail at sync when told to.
class FaultyDevice : public Device {
 public:
  FaultyDevice(std::unique_ptr<Device> inner, std::shared_ptr<std::atomic<int>> fault)
      : inner_(std::move(inner)), fault_(std::move(fault)) {}
  const DeviceInfo& info() const override { return inner_->info(); }
  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override { return inner_->allocate(bytes, use); }
  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override {
    return std::make_unique<FaultyStream>(inner_->create_stream(inputs), fault_);
  }
  Layout preferred_layout(KernelOp op, Format format, int64_t rows, int64_t columns) const override {
    return inner_->preferred_layout(op, format, rows, columns);
  }
  PreparedKinds prepared_kinds(const Weight& weight) const override { return inner_->prepared_kinds(weight); }
  size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const override {
    return inner_->prepared_bytes(kinds, columns, rows);
  }

 private:
  class FaultyStream : public Stream {
   public:
    FaultyStream(std::unique_ptr<Stream> inner, std::shared_ptr<std::atomic<int>> fault)
        : inner_(std::move(inner)), fault_(std::move(fault)) {}
    bool begin(uint64_t key) override { return inner_->begin(key); }
    void sync() override {
      inner_->sync();
      switch (fault_->exchange(0)) {
        case 1:
          throw Error(ErrorCode::kInternal, "the device is gone");
        case 2:
          throw std::bad_alloc();
        case 3:
          throw std::runtime_error("a foreign exception");
        default:
          break;
      }
    }
    void set_threads(int32_t threads) override { inner_->set_threads(threads); }
    void embed(const EmbedArgs& args) override { inner_->embed(args); }
    void norm(const NormArgs& args) override { inner_->norm(args); }
    void prepare(const PrepareArgs& args) override { inner_->prepare(args); }
    void matmul(const MatmulArgs& args) override { inner_->matmul(args); }
    void add(const AddArgs& args) override { inner_->add(args); }
    void scale(const ScaleArgs& args) override { inner_->scale(args); }
    void glu(const GluArgs& args) override { inner_->glu(args); }
    void rope_table(const RopeTableArgs& args) override { inner_->rope_table(args); }
    void rope(const RopeArgs& args) override { inner_->rope(args); }
    void kv_write(const KvWriteArgs& args) override { inner_->kv_write(args); }
    void attention(const AttentionArgs& args) override { inner_->attention(args); }
    void gather(const GatherArgs& args) override { inner_->gather(args); }
    void copy(const CopyArgs& args) override { inner_->copy(args); }

   private:
    std::unique_ptr<Stream> inner_;
    std::shared_ptr<std::atomic<int>> fault_;
  };

  std::unique_ptr<Device> inner_;
  std::shared_ptr<std::atomic<int>> fault_;
};

TEST(Engine, AStepThatFailsEndsItsRequestsAndTheEngineGoesOn) {
  const auto fault = std::make_shared<std::atomic<int>>(0);
  Backend faulty{"faulty", true, [&](ThreadPool&, const std::string& id) {
                   return std::make_unique<FaultyDevice>(make_reference_device(id), fault);
                 }};
  TinyEngine tiny(engine_wishes(4096, 2), small_llama(), faulty);
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(40), 4), transcripts.sink(0));
  const std::vector<TokenId> healthy = transcripts.wait(0).ids;
  const ErrorCode codes[] = {ErrorCode::kInternal, ErrorCode::kOutOfMemory, ErrorCode::kInternal};
  for (int kind = 1; kind <= 3; ++kind) {
    const int key = 10 * kind;
    tiny.engine->submit(greedy_request(prompt_of(40, 7), -1), transcripts.sink(key));
    transcripts.wait_for_tokens(key, 2);
    fault->store(kind);
    const Transcript failed = transcripts.wait(key);
    ASSERT_TRUE(failed.error) << kind;
    EXPECT_EQ(failed.error->code(), codes[kind - 1]);
    tiny.engine->submit(greedy_request(prompt_of(40), 4), transcripts.sink(key + 1));
    const Transcript after = transcripts.wait(key + 1);
    EXPECT_EQ(after.started.cached_tokens, 0) << "no page is trusted after a fault";
    EXPECT_EQ(after.ids, healthy);
  }
}

TEST(Engine, TwoEnginesShareOneModelAndPool) {
  TinyEngine tiny(engine_wishes(256, 1), small_llama(), backends().back(), 2);
  tiny.open();
  Engine second(*tiny.model, nullptr);
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(30), 30), transcripts.sink(0));
  second.submit(greedy_request(prompt_of(30), 30), transcripts.sink(1));
  EXPECT_EQ(transcripts.wait(0).ids, transcripts.wait(1).ids);
}

TEST(Engine, RunRequestReturnsTheEndAndThrowsFailures) {
  TinyEngine tiny(engine_wishes(64, 1));
  tiny.open();
  int tokens = 0;
  const auto count = [&](const Event& event) {
    tokens += std::holds_alternative<TokenEvent>(event);
    return true;
  };
  EXPECT_EQ(run_request(*tiny.engine, greedy_request(prompt_of(5), 3), count).reason, FinishReason::kMaxTokens);
  EXPECT_EQ(tokens, 3);
  EXPECT_THROW(run_request(*tiny.engine, greedy_request(prompt_of(65), 3), count), Error);
  const auto stop = [&](const Event& event) { return !std::holds_alternative<TokenEvent>(event); };
  TinyEngine large(engine_wishes(8192, 1));
  large.open();
  EXPECT_EQ(run_request(*large.engine, greedy_request(prompt_of(5), -1), stop).reason, FinishReason::kCancelled);
}

TEST(Engine, AnIdleEngineUsesNoTime) {
  TinyEngine tiny(engine_wishes(64, 1));
  tiny.open();
  Transcripts transcripts;
  tiny.engine->submit(greedy_request(prompt_of(5), 3), transcripts.sink(0));
  transcripts.wait(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const int64_t steps = tiny.engine->stats().steps;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(tiny.engine->stats().steps, steps);
  EXPECT_EQ(tiny.engine->stats().running, 0);
  EXPECT_EQ(tiny.engine->stats().waiting, 0);
}

}  // namespace
}  // namespace vivace::test
