// What an answer must look like, as the engine keeps to it: a format that was asked for, or a call of a tool.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/json.h"
#include "chat/text_model.h"
#include "engine/request.h"
#include "text/grammar/grammar.h"

namespace vivace {

struct AnswerShape {
  enum class Kind { kFree, kJson, kSchema, kGrammar, kRegex };
  Kind kind = Kind::kFree;
  std::string text = {};  // a JSON schema, a Lark or GBNF grammar, a regular expression
};

/// A model's vocabulary for grammars, made when the first one is asked for. Thread-safe.
class LazyGrammarVocabulary {
 public:
  std::shared_ptr<const GrammarVocabulary> get(const Tokenizer& tokenizer);

 private:
  std::mutex mutex_;
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
};

/// Null for a free shape. `in_reasoning`: the shape holds from the end of the reasoning on. The model must outlive the
/// constraint. Throws Error kInvalidArgument for a text that is no schema or grammar.
std::shared_ptr<TokenConstraint> shape_constraint(const ChatParts& model, LazyGrammarVocabulary& vocabulary,
                                                  const AnswerShape& shape, bool in_reasoning);

/// The answer is a call of one of `tools`, of the one called `name` where that is not empty. Throws Error
/// kInvalidArgument where there is no such tool.
std::shared_ptr<TokenConstraint> call_constraint(const ChatParts& model, LazyGrammarVocabulary& vocabulary,
                                                 const Json& tools, const std::string& name, bool in_reasoning);

}  // namespace vivace
