// Who answers run and chat: an engine in this process, or a running server that has the model already.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "cli/arguments.h"
#include "cli/generate.h"

namespace vivace {

struct Question {
  Json messages = nullptr;  // of a chat: [{role, content}]; null: `text` is gone on with
  std::string text;
  Request request;  // its prompt is filled in
};

/// {role, content}; bytes that are no UTF-8 are replaced.
Json chat_message(const std::string& role, const std::string& text);

class Answerer {
 public:
  virtual ~Answerer() = default;

  /// As generate(). Of a chat that is too long the oldest messages are left out, never the system message nor the last.
  virtual TimedAnswer answer(const Question& question, const std::function<void(const Event&)>& on_event) = 0;

  /// The text of a token that an event of the last answer named.
  virtual std::string piece(TokenId id) const = 0;
  /// Tokens; 0 where it is not known before the first answer.
  virtual int32_t context_length() const = 0;
  /// "load_seconds" and "settings", as `vivace run --json` prints them.
  virtual Json settings_json() const = 0;
  /// Changes a lever of the loaded model by its option's name ("": none) and says what stands now. Throws Error
  /// kInvalidArgument, kUnsupported, and what a new plan throws.
  virtual std::string set_lever(const std::string& name, const std::string& value) = 0;
};

/// --server.
std::span<const OptionRow> answerer_options();

struct AnswererOptions {
  SamplingOptions sampling;  // for what is said of the settings
  /// What will be asked first, where that is known: an automatic context grows with a long prompt.
  const Question* first = nullptr;
  bool needs_template = true;  // else a model without a chat template goes on with the text
};

/// The server that is up where it has the model, unless an option is about how to load one; else an engine that loads
/// it. Says on standard error what was chosen, unless --quiet. Throws as both.
std::unique_ptr<Answerer> open_answerer(const Arguments& arguments, Context& context, const AnswererOptions& options);

}  // namespace vivace
