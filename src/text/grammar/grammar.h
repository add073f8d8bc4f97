// Answers that keep to a JSON schema, a grammar or a regular expression: which tokens may come next.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer/tokenizer.h"

struct vivace_vocabulary;
struct vivace_grammar;

namespace vivace {

/// A tokenizer's tokens made ready for grammars; takes a moment, once per model. Thread-safe once made.
class GrammarVocabulary {
 public:
  /// Throws Error kUnsupported for a tokenizer without an end token.
  explicit GrammarVocabulary(const Tokenizer& tokenizer);

  int32_t size() const { return size_; }
  const vivace_vocabulary* get() const { return vocabulary_.get(); }

 private:
  struct Free {
    void operator()(vivace_vocabulary* vocabulary) const;
  };
  int32_t size_;
  std::unique_ptr<vivace_vocabulary, Free> vocabulary_;
};

enum class GrammarKind { kJsonSchema, kLark, kRegex };

/// The state of one answer. Not thread-safe.
class Grammar {
 public:
  /// Throws Error kInvalidArgument, with the reason, for a text that is no grammar or one that is too large.
  Grammar(std::shared_ptr<const GrammarVocabulary> vocabulary, GrammarKind kind, const std::string& text);

  /// The tokens that may come next, a bit each, the lowest first; at the end the end tokens. Throws Error.
  std::span<const uint32_t> allowed();
  /// Takes a token where it may come next; false: it may not, and nothing has changed. Much cheaper than allowed().
  bool take(int32_t token);

 private:
  struct Free {
    void operator()(vivace_grammar* grammar) const;
  };
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
  std::unique_ptr<vivace_grammar, Free> grammar_;
  std::vector<uint32_t> mask_;
};

}  // namespace vivace
