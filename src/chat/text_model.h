// The parts of a model file that turn text into tokens: its tokenizer and its chat template.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
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
template <class Render>
auto refusal_is_failure(const Render& render) {
  try {
    return render();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw Error(ErrorCode::kInvalidFile, error.what(), error.hint());
  }
}

}  // namespace vivace
