// Runs one request to its end on the calling thread, watching for Ctrl-C.
#pragma once

#include <functional>
#include <string>

#include "engine/engine.h"

namespace vivace {

/// What an answer took, seen from outside the engine.
struct TimedAnswer {
  Finished finished;
  double first_token_seconds = 0;  // from submit; 0 where there was no token
  int32_t messages_left_out = 0;   // of a chat that was too long for the context
};

/// Hands each event to `on_event` on this thread. Ctrl-C cancels the request, whatever it is doing: the answer's
/// finish reason is kCancelled then and the interrupt stays pending. Throws the Error of a failed request and what
/// `on_event` throws, after the request has ended.
TimedAnswer generate(Engine& engine, Request request, const std::function<void(const Event&)>& on_event);

/// Two aligned lines: prompt tokens and their speed, answer tokens and their speed, why it ended.
std::string answer_text(const TimedAnswer& answer);

/// "ended by the model", "stopped at the token limit", …
std::string finish_text(const Finished& finished);

}  // namespace vivace
