// A tiny model behind an engine, and a collector of what its requests report.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "../support/model_rig.h"
#include "../support/plain_model.h"
#include "engine/engine.h"

namespace vivace::test {

/// What one request reported, in order.
struct Transcript {
  std::vector<std::string> order;  // "started", "token", "finished", "failed"
  Started started;
  std::vector<PromptProgress> progress;
  std::vector<TokenId> ids;
  std::vector<float> logprobs;
  std::vector<TokenLogprob> top;  // of all tokens
  std::string text;
  Finished finished;
  std::optional<Error> error;
  bool done = false;
};

/// Sinks for requests; wait() blocks until a request has ended.
class Transcripts {
 public:
  EventSink sink(int key) {
    return [this, key](RequestId, const Event& event) {
      const std::lock_guard lock(mutex_);
      add(all_[key], event);
      changed_.notify_all();
    };
  }

  Transcript wait(int key) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return all_[key].done; });
    return all_[key];
  }

  void wait_for_tokens(int key, size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return all_[key].ids.size() >= count || all_[key].done; });
  }

  Transcript now(int key) {
    const std::lock_guard lock(mutex_);
    return all_[key];
  }

 private:
  static void add(Transcript& t, const Event& event) {
    EXPECT_FALSE(t.done) << "an event after the end";
    if (const auto* started = std::get_if<Started>(&event)) {
      t.order.push_back("started");
      t.started = *started;
    } else if (const auto* progress = std::get_if<PromptProgress>(&event)) {
      t.progress.push_back(*progress);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      t.order.push_back("token");
      t.ids.push_back(token->id);
      t.logprobs.push_back(token->logprob);
      t.top.insert(t.top.end(), token->top.begin(), token->top.end());
      t.text += token->text;
    } else if (const auto* finished = std::get_if<Finished>(&event)) {
      t.order.push_back("finished");
      t.text += finished->text;
      t.finished = *finished;
      t.done = true;
    } else {
      t.order.push_back("failed");
      t.error = std::get<Failed>(event).error;
      t.done = true;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, Transcript> all_;
};

/// Token 3 n is an end token for n = `end` only; pieces are letters, some of them halves of "é".
class FakeVocabulary : public Vocabulary {
 public:
  explicit FakeVocabulary(std::vector<TokenId> ends = {}) : ends_(std::move(ends)) {}
  std::string piece(TokenId id, bool) const override {
    if (id % 8 == 6) return "\xC3";
    if (id % 8 == 7) return "\xA9";
    return std::string(1, char('a' + id % 8));
  }
  bool is_end(TokenId id) const override { return std::find(ends_.begin(), ends_.end(), id) != ends_.end(); }

 private:
  std::vector<TokenId> ends_;
};

inline PlainSpec small_llama() {
  PlainSpec spec;
  spec.layers = 2;
  spec.embedding = 32;
  spec.heads = 2;
  spec.kv_heads = 1;
  spec.feed_forward = 48;
  spec.vocabulary = 96;
  return spec;
}

inline PlainSpec small_gemma() {
  PlainSpec spec = small_llama();
  spec.architecture = "gemma3";
  spec.layers = 6;
  spec.window = 40;
  spec.tied = true;
  return spec;
}

/// A generated model in a file, loaded on a backend.
struct TinyEngine {
  explicit TinyEngine(const Wishes& wishes, const PlainSpec& spec = small_llama(),
                      const Backend& backend = backends()[0], int threads = 1,
                      const std::function<void(Plan&)>& change = {})
      : rig(backend, threads) {
    PlainModel plain = make_plain_model(spec);
    write_plain_model(plain, folder / "model.gguf");
    model = rig.load(folder / "model.gguf", wishes, AccessMode::kMap, change);
  }

  void open(const Vocabulary* vocabulary = nullptr, EngineOptions options = {}) {
    engine = std::make_unique<Engine>(*model, vocabulary, options);
  }

  TempFolder folder;
  Rig rig;
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<Engine> engine;
};

inline Wishes engine_wishes(int32_t context, int32_t parallel, int32_t batch = 64) {
  Wishes wishes;
  wishes.context_length = context;
  wishes.parallel = parallel;
  wishes.batch_size = batch;
  return wishes;
}

inline Request greedy_request(std::vector<TokenId> prompt, int32_t max_tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.temperature = 0;
  request.sampling.logprobs = 2;
  return request;
}

}  // namespace vivace::test
