// One request for an answer on its way. Its steps run on the server's thread, but for the making of the prompt.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "server/answer_service.h"
#include "text/answer/answer_parser.h"

namespace vivace {

class RunningAnswer : public std::enable_shared_from_this<RunningAnswer> {
 public:
  RunningAnswer(AnswerService& service, std::shared_ptr<HttpExchange> exchange, AnswerRequest request,
                std::unique_ptr<AnswerWriter> writer, bool stream, ErrorResponse error_response,
                std::function<void(const Answer&)> finished);

  void begin();
  /// The client is gone, or the server stops.
  void cancel();
  /// Tells the client, as far as there is memory to, and ends.
  void fail(const Error& error);
  /// What the engine says of a choice.
  void take(int choice, const Event& event);

 private:
  using Clock = std::chrono::steady_clock;

  void loaded(ModelLease lease, double seconds, const Error* error);
  void use(ModelLease lease, double seconds);
  void prepare();
  void make_prompt();
  std::shared_ptr<TokenConstraint> make_constraint() const;
  void submit();
  void start(const Started& started);
  void token(int choice, const TokenEvent* token, const std::string& text, bool last);
  void keep(int choice, const std::vector<AnswerPart>& parts);
  void finish(int choice, const Finished& finished);
  void complete();
  void fail_later(const Error& error);
  template <class Step>
  void later(const Step& step) {
    AnswerService::later(service_.post_, weak_from_this(), step);
  }
  void tell_what_is_left_out(HttpResponse& response) const;
  void open_stream();
  void tell(std::string text);
  void end();
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  AnswerService& service_;
  const std::shared_ptr<HttpExchange> exchange_;
  AnswerRequest wish_;
  const std::unique_ptr<AnswerWriter> writer_;
  const bool stream_;
  const ErrorResponse error_response_;
  const std::function<void(const Answer&)> finished_;
  const Clock::time_point begin_ = Clock::now();

  ModelLease lease_;
  std::shared_ptr<TokenConstraint> constraint_;  // of the first choice
  std::vector<AnswerParser> parsers_;            // [choices]
  Answer answer_;
  bool streaming_ = false, begun_ = false, ended_ = false;
  int open_choices_ = 0;
  bool in_reasoning_ = false;

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::vector<RequestId> ids_;  // of the engine
};

}  // namespace vivace
