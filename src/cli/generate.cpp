#include "cli/generate.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>

#include "cli/interrupt.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

using Clock = std::chrono::steady_clock;

/// From the engine's thread to ours.
class EventQueue {
 public:
  void push(const Event& event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    }
    changed_.notify_one();
  }

  /// Nothing when none came in time.
  std::optional<Event> pop(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return !events_.empty(); })) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

TimedAnswer generate(Engine& engine, Request request, const std::function<void(const Event&)>& on_event) {
  constexpr auto kPatience = std::chrono::milliseconds(20);  // how late Ctrl-C may be noticed
  TimedAnswer answer;
  const auto queue = std::make_shared<EventQueue>();
  const Clock::time_point start = Clock::now();
  const RequestId id =
      engine.submit(std::move(request), [queue](RequestId, const Event& event) { queue->push(event); });
  bool cancelled = false;
  std::exception_ptr failure;
  while (true) {
    if (!cancelled && (interrupted() || failure)) {
      engine.cancel(id);
      cancelled = true;
    }
    const std::optional<Event> event = queue->pop(kPatience);
    if (!event) continue;
    if (const auto* failed = std::get_if<Failed>(&*event)) throw failed->error;
    if (std::holds_alternative<TokenEvent>(*event) && answer.first_token_seconds == 0) {
      answer.first_token_seconds = seconds_since(start);
    }
    try {
      if (!failure) on_event(*event);
    } catch (...) {
      failure = std::current_exception();
    }
    if (const auto* finished = std::get_if<Finished>(&*event)) {
      if (failure) std::rethrow_exception(failure);
      answer.finished = *finished;
      return answer;
    }
  }
}

std::string finish_text(const Finished& finished) {
  switch (finished.reason) {
    case FinishReason::kEnd:
      return "ended by the model";
    case FinishReason::kStopString:
      return "stopped at '" + printable_text(finished.stop_string, 30) + "'";
    case FinishReason::kMaxTokens:
      return "stopped at --max-tokens";
    case FinishReason::kContextLength:
      return "cut off: the context is full";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kTimeLimit:
      return "cut off: the time is up";
  }
  return "";
}

std::string answer_text(const TimedAnswer& answer) {
  const Usage& usage = answer.finished.usage;
  const Timings& timings = answer.finished.timings;
  TextTable table(
      {TextTable::Align::kLeft, TextTable::Align::kRight, TextTable::Align::kRight, TextTable::Align::kLeft});
  const std::string cached =
      usage.cached_tokens > 0 ? ", " + std::to_string(usage.cached_tokens) + " from the cache" : "";
  table.add({"prompt", std::to_string(usage.prompt_tokens) + " tokens",
             fixed_text(timings.prefill_rate, 1) + " tokens/s",
             "first token after " + seconds_text(answer.first_token_seconds) + cached});
  table.add({"answer", std::to_string(usage.generated_tokens) + " tokens",
             fixed_text(timings.decode_rate, 1) + " tokens/s", finish_text(answer.finished)});
  return table.text();
}

}  // namespace vivace
