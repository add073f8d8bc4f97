#include "bench/arrivals.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

namespace vivace {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

Request make_request(const ArrivalRun& run, int32_t vocabulary, std::mt19937_64& random) {
  Request request;
  for (int32_t i = 0; i < run.prompt; ++i) request.prompt.push_back(TokenId(random() % uint64_t(vocabulary)));
  request.sampling.temperature = 0;
  request.max_tokens = run.generate;
  request.ignore_end = true;
  return request;
}

/// What the engine's thread finds out about the answers. Shared with the sinks, which may outlive a measurement that
/// was ended.
class Answers {
 public:
  void expect(int32_t count) { left_ = count; }

  EventSink sink(Clock::time_point arrived, const std::shared_ptr<Answers>& self) {
    return [self, arrived, last = std::optional<Clock::time_point>()](RequestId, const Event& event) mutable {
      const Clock::time_point now = Clock::now();
      const std::lock_guard lock(self->mutex_);
      if (std::holds_alternative<TokenEvent>(event)) {
        last ? self->gaps_.push_back(seconds_between(*last, now))
             : self->first_.push_back(seconds_between(arrived, now));
        last = now;
        ++self->generated_;
      } else if (const auto* failed = std::get_if<Failed>(&event)) {
        if (!self->error_) self->error_.emplace(failed->error);
        self->one_done();
      } else if (std::holds_alternative<Finished>(event)) {
        self->one_done();
      }
    };
  }

  /// False: time is up and answers are still to come.
  bool wait_until(Clock::time_point time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, time, [this] { return left_ == 0; });
  }

  ArrivalResult result(Clock::time_point begin) {
    const std::lock_guard lock(mutex_);
    if (error_) throw *error_;
    return {seconds_between(begin, ended_), generated_, spread_of(first_), spread_of(gaps_)};
  }

 private:
  void one_done() {
    ended_ = Clock::now();
    if (--left_ == 0) changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int32_t left_ = 0;
  int64_t generated_ = 0;
  std::vector<double> first_, gaps_;
  std::optional<Error> error_;
  Clock::time_point ended_;
};

}  // namespace

ArrivalResult measure_arrivals(Engine& engine, const ModelCard& card, const ArrivalRun& run,
                               const std::function<void()>& look) {
  constexpr auto kLook = std::chrono::milliseconds(50);
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(run.rate);
  const auto answers = std::make_shared<Answers>();
  answers->expect(run.requests);
  const Clock::time_point begin = Clock::now();
  double at = 0;  // seconds
  for (int32_t i = 0; i < run.requests; ++i) {
    Request request = make_request(run, card.vocabulary, random);
    const auto arrival = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at));
    for (auto now = Clock::now(); now < arrival; now = Clock::now()) {
      if (look) look();
      answers->wait_until(std::min(arrival, now + kLook));
    }
    engine.submit(std::move(request), answers->sink(arrival, answers));
    at += gap(random);
  }
  while (!answers->wait_until(Clock::now() + kLook)) {
    if (look) look();
  }
  return answers->result(begin);
}

}  // namespace vivace
