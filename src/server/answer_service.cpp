#include "server/answer_service.h"

#include "server/running_answer.h"

namespace vivace {

AnswerService::AnswerService(ModelPool& pool, WorkerPool& workers, Metrics& metrics, Post post)
    : pool_(pool), workers_(workers), metrics_(metrics), post_(std::move(post)) {}

AnswerService::~AnswerService() = default;

void AnswerService::answer(std::shared_ptr<HttpExchange> exchange, AnswerRequest request,
                           std::unique_ptr<AnswerWriter> writer, bool stream, ErrorResponse error_response,
                           std::function<void(const Answer&)> finished) {
  const auto answer = std::make_shared<RunningAnswer>(*this, std::move(exchange), std::move(request), std::move(writer),
                                                      stream, error_response, std::move(finished));
  begin(answer);
}

size_t AnswerService::running() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

void AnswerService::forget(const std::shared_ptr<void>& running) {
  const std::lock_guard lock(mutex_);
  running_.erase(running);
}

}  // namespace vivace
