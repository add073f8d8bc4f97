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
  /// `post` runs a function on the server's thread: answers are told there, one step after another.
  AnswerService(ModelPool& pool, WorkerPool& workers, Metrics& metrics,
                std::function<void(std::function<void()>)> post);
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
  static void later(const std::function<void(std::function<void()>)>& post, std::weak_ptr<Running> weak,
                    const Step& step) {
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

  ModelPool& pool_;
  WorkerPool& workers_;
  Metrics& metrics_;
  const std::function<void(std::function<void()>)> post_;
  mutable std::mutex mutex_;
  std::set<std::shared_ptr<void>> running_;  // answers and embeddings: nobody else keeps them alive
};

}  // namespace vivace
