// The parts of a model file that turn text into tokens: its tokenizer and its chat template.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/json_fwd.h"
#include "base/option.h"
#include "chat/engine_vocabulary.h"
#include "gguf/gguf.h"
#include "text/answer/answer_format.h"
#include "text/template/chat_template.h"
#include "text/tokenizer/tokenizer.h"

namespace vivace {

/// Throws Error kUnsupported for a file without a vocabulary, else as Tokenizer::create.
std::unique_ptr<Tokenizer> open_tokenizer(const GgufFile& file);

/// A template and where it came from.
struct ChosenTemplate {
  std::unique_ptr<ChatTemplate> chat_template;  // null: there is none
  std::string note;                             // what the user should know of the choice, may be empty
};

/// The option of commands that render messages: --chat-template.
std::span<const OptionRow> template_options();

/// The template that `wish` names (a file, or a well-known template such as chatml), else the model's own, else the
/// well-known one whose special tokens are in the vocabulary. Throws Error kNotFound for a wish that is neither.
ChosenTemplate open_chat_template(const GgufFile& file, const Tokenizer& tokenizer, const std::string& wish = {});

/// All that stands between a model's tokens and its text.
struct ChatParts {
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<EngineVocabulary> vocabulary;  // of the tokenizer
  ChosenTemplate chosen;
  const AnswerFormat& answer_format;
};

/// Throws as open_tokenizer() and open_chat_template() do.
ChatParts open_chat_parts(const GgufFile& file, const std::string& template_wish = {});

/// Runs `render`; a template that refuses the messages (kInvalidArgument) throws kInvalidFile instead: the command line
/// was right.
std::string refusal_is_failure(const std::function<std::string()>& render);

/// Messages of a chat and the prompt they make.
class Conversation {
 public:
  Conversation(const Tokenizer& tokenizer, const ChatTemplate& chat_template);

  /// Replaces the system message; "" removes it.
  void set_system(const std::string& text);
  void add(const std::string& role, const std::string& text);
  void remove_last();
  /// Forgets everything but the system message.
  void reset();
  /// Forgets the oldest exchange (a message and what answers it), never the system message nor the last message. False
  /// where there is none to forget.
  bool forget_oldest();
  size_t size() const;

  /// The prompt's tokens, ready for the answer. Throws as refusal_is_failure(ChatTemplate::render).
  std::vector<int32_t> tokens() const;

 private:
  const Tokenizer& tokenizer_;
  const ChatTemplate& template_;
  std::string system_;
  std::vector<std::pair<std::string, std::string>> messages_;  // role, content
};

}  // namespace vivace
