// A tokenizer as the engine wants to see it.
#pragma once

#include "engine/vocabulary.h"
#include "text/tokenizer/tokenizer.h"

namespace vivace {

/// The tokenizer must outlive it.
class EngineVocabulary : public Vocabulary {
 public:
  explicit EngineVocabulary(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  std::string piece(TokenId id, bool control) const override;
  bool is_end(TokenId id) const override;

 private:
  const Tokenizer& tokenizer_;
};

}  // namespace vivace
