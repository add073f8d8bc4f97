// What every dialect asks for and what every dialect tells: a request for an answer and the answer as it grows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/answer_constraint.h"
#include "engine/request.h"
#include "server/load_wish.h"
#include "text/answer/answer_parser.h"

namespace vivace {

class Tokenizer;

/// What happens to a chat that is too long for the context. What was left out is always told.
enum class OverflowPolicy {
  kRefuse,
  kTruncateMiddle,  // the system message and the first message stay, what follows them goes
  kRollingWindow,   // the system message stays, the oldest go
};

enum class ToolChoice { kAuto, kNone, kRequired };

struct AnswerRequest {
  LoadWish load;  // the model
  Json messages;  // for the chat template; null: `text` is completed as it is
  std::string text;
  std::vector<TokenId> tokens;  // instead of `text`
  Json tools = nullptr;         // [{type: function, function: {name, description, parameters}}] or null
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_name;          // the one that must be called; "": any
  Json template_extra = nullptr;  // further variables of the template
  bool split_reasoning = true;
  Request request;      // sampling, stop, limits; the prompt is filled in
  bool seeded = false;  // the client chose the seed
  AnswerShape shape;
  int choices = 1;
  OverflowPolicy overflow = OverflowPolicy::kRefuse;
};

struct ToolCall {
  std::string id, name, arguments;
};

struct AnswerChoice {
  std::string content, reasoning;
  std::vector<ToolCall> calls;
  std::vector<TokenEvent> tokens;  // where log-probabilities were asked for
  int32_t reasoning_tokens = 0;
  std::optional<Finished> finished;

  /// It came to no end of its own: a limit, the context, the time.
  bool cut_off() const {
    return finished->reason != FinishReason::kEnd && finished->reason != FinishReason::kStopString;
  }
};

/// How far an answer has come.
struct Answer {
  std::string id;                          // of the request, without a dialect's prefix
  int64_t created = 0;                     // seconds since 1970
  std::string model;                       // as the client named it
  std::string instance;                    // the loaded model's id
  std::string architecture, quantisation;  // of the model
  int32_t context_length = 0;
  const Tokenizer* tokenizer = nullptr;  // of the loaded model, while the answer is told
  std::vector<AnswerChoice> choices;
  int32_t prompt_tokens = 0;
  int32_t cached_tokens = 0;
  int32_t messages_left_out = 0;
  double load_seconds = 0;         // this request loaded the model; else 0
  double first_token_seconds = 0;  // from the request to the first token
  double total_seconds = 0;

  int32_t generated_tokens() const;
};

/// What came just now for one choice.
struct AnswerDelta {
  int choice = 0;
  std::vector<AnswerPart> parts;
  const TokenEvent* token = nullptr;  // null: text that was held back
};

/// A dialect's way to tell an answer. The functions return the text to send; called one after another.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  /// The whole answer, where it is not streamed.
  virtual Json whole(const Answer& answer) = 0;

  /// Content type of the stream, and what keeps it alive.
  virtual std::string content_type() const { return "text/event-stream"; }
  virtual std::string heartbeat() const { return ": still here\n\n"; }
  /// Whether the stream begins before the model is loaded and the prompt read.
  virtual bool tells_progress() const { return false; }
  /// Whether every token is told and kept, also one whose text is not certain yet.
  virtual bool tells_tokens() const { return false; }
  virtual std::string loading(const Answer&, double) { return ""; }
  virtual std::string reading(const Answer&, double) { return ""; }

  virtual std::string begin(const Answer& answer) = 0;
  virtual std::string delta(const Answer& answer, const AnswerDelta& delta) = 0;
  virtual std::string choice_end(const Answer& answer, int choice) = 0;
  virtual std::string end(const Answer& answer) = 0;
  /// An error once the stream has begun.
  virtual std::string failure(const Answer& answer, const Error& error) = 0;
};

}  // namespace vivace
