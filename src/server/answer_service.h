// Runs requests for answers: load, prompt, engine, parts, dialect.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "base/with_memory.h"
#include "net/http_exchange.h"
#include "net/worker_pool.h"
#include "server/answer.h"
#include "server/api_error.h"
#include "server/metrics.h"
#include "server/model_pool.h"

namespace vivace {

class RunningAnswer;
struct RunningEmbedding;

/// Makes an error's response in a dialect's shape.
using ErrorResponse = HttpResponse (*)(const Error& error);

class AnswerService {
 public:
  using Post = std::function<void(std::function<void()>)>;

  /// `post` runs a function on the server's thread: answers are told there, one step after another.
  AnswerService(ModelPool& pool, WorkerPool& workers, Metrics& metrics, Post post);
  ~AnswerService();

  /// Answers the exchange; returns at once. `finished`: called with the whole answer at its end, may be empty.
  void answer(std::shared_ptr<HttpExchange> exchange, AnswerRequest request, std::unique_ptr<AnswerWriter> writer,
              bool stream, ErrorResponse error_response, std::function<void(const Answer&)> finished = {});

  /// The embeddings of some texts, or of lists of tokens, each of length 1. `told`: called on the server's thread.
  struct EmbeddingRequest {
    LoadWish load;
    std::vector<std::string> texts;
    std::vector<std::vector<TokenId>> tokens;  // instead of texts
    Pooling pooling = Pooling::kLast;
    bool truncate = false;  // texts that are too long for the context, instead of refusing them
  };
  struct Embeddings {
    std::string model;
    std::vector<std::vector<float>> vectors;
    int32_t prompt_tokens = 0;
    double load_seconds = 0;
  };
  void embed(std::shared_ptr<HttpExchange> exchange, EmbeddingRequest request, ErrorResponse error_response,
             std::function<HttpResponse(const Embeddings&)> told);

  /// Answers that are under way, waiting ones included.
  size_t running() const;

 private:
  friend class RunningAnswer;
  friend struct RunningEmbedding;
  void forget(const std::shared_ptr<void>& running);

  /// Has `step(running)` done on the server's thread, if `running` is still there; what it throws fails `running`. A
  /// step that moves things keeps them behind pointers.
  template <class Running, class Step>
  static void later(const Post& post, std::weak_ptr<Running> weak, const Step& step) {
    with_memory([&] {
      post([weak, step] {
        const auto running = weak.lock();
        if (!running) return;
        try {
          step(*running);
        } catch (const std::exception&) {
          with_memory([&] { running->fail(caught_error()); });
        }
      });
    });
  }

  /// From another thread than the server's, or in the midst of a step.
  template <class Running>
  static void fail_later(const Post& post, std::weak_ptr<Running> weak, const Error& error) {
    with_memory([&] { later(post, weak, [kept = kept_error(error)](Running& running) { running.fail(kept); }); });
  }

  /// What an engine tells of one of the prompts, as steps of `running`. The engine's thread must not be the last to
  /// hold `running`, which may hold the engine.
  template <class Running, class Index>
  static EventSink events(const Post& post, std::weak_ptr<Running> weak, Index index) {
    return [post, weak, index](RequestId, const Event& event) {
      with_memory([&] { later(post, weak, [index, event](Running& running) { running.take(index, event); }); });
    };
  }

  /// Keeps it alive until it forgets itself, or does not begin.
  template <class Running>
  void begin(const std::shared_ptr<Running>& running) {
    {
      const std::lock_guard lock(mutex_);
      running_.insert(running);
    }
    try {
      running->begin();
    } catch (...) {
      forget(running);
      throw;
    }
  }

  ModelPool& pool_;
  WorkerPool& workers_;
  Metrics& metrics_;
  const Post post_;
  mutable std::mutex mutex_;
  std::set<std::shared_ptr<void>> running_;  // answers and embeddings: nobody else keeps them alive
};

}  // namespace vivace
