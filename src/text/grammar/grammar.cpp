// The C++ side of text-rs/src/grammar.rs.
#include "text/grammar/grammar.h"

#include "base/error.h"
#include "vivace_text.h"

namespace vivace {
namespace {

vivace_text_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Throws what the Rust side says went wrong.
void check(vivace_text_result result, const char* what) {
  const std::string message(reinterpret_cast<const char*>(result.data), result.size);
  const int kind = result.kind;
  vivace_text_result_free(&result);
  if (kind == VIVACE_TEXT_OK) return;
  const ErrorCode code = kind == VIVACE_TEXT_INTERNAL ? ErrorCode::kInternal
                         : kind == VIVACE_TEXT_MEMORY ? ErrorCode::kOutOfMemory
                                                      : ErrorCode::kInvalidArgument;
  throw Error(code, std::string(what) + ": " + message);
}

/// Control tokens can't be written as text: the library knows them by a byte 0xFF.
std::string word_of(const Tokenizer& tokenizer, int32_t id) {
  const bool control = tokenizer.token_type(id) == TokenType::kControl;
  return control ? "\xFF" + std::string(tokenizer.token_text(id)) : tokenizer.piece(id);
}

const char* name_of(GrammarKind kind) {
  switch (kind) {
    case GrammarKind::kJsonSchema:
      return "json_schema";
    case GrammarKind::kLark:
      return "lark";
    case GrammarKind::kRegex:
      return "regex";
  }
  return "";
}

}  // namespace

void GrammarVocabulary::Free::operator()(vivace_vocabulary* vocabulary) const { vivace_vocabulary_free(vocabulary); }
void Grammar::Free::operator()(vivace_grammar* grammar) const { vivace_grammar_free(grammar); }

GrammarVocabulary::GrammarVocabulary(const Tokenizer& tokenizer) : size_(tokenizer.size()) {
  std::vector<std::string> words;
  for (int32_t id = 0; id < size_; ++id) words.push_back(word_of(tokenizer, id));
  std::vector<vivace_text_bytes> ranges;
  for (const std::string& word : words) ranges.push_back(bytes_of(word));
  std::vector<uint32_t> ends;
  for (int32_t id : tokenizer.end_of_generation()) ends.push_back(uint32_t(id));
  if (ends.empty())
    throw Error(ErrorCode::kUnsupported, "the model has no end token, so no answer can end by a grammar");
  vivace_vocabulary* made = nullptr;
  check(vivace_vocabulary_new(ranges.data(), ranges.size(), ends.data(), ends.size(), &made), "the vocabulary");
  vocabulary_.reset(made);
}

Grammar::Grammar(std::shared_ptr<const GrammarVocabulary> vocabulary, GrammarKind kind, const std::string& text)
    : vocabulary_(std::move(vocabulary)), mask_(size_t(vocabulary_->size() + 31) / 32) {
  vivace_grammar* made = nullptr;
  check(vivace_grammar_new(vocabulary_->get(), bytes_of(name_of(kind)), bytes_of(text), &made),
        "the answer's format can't be kept to");
  grammar_.reset(made);
}

std::span<const uint32_t> Grammar::allowed() {
  check(vivace_grammar_mask(grammar_.get(), mask_.data(), mask_.size()), "the answer's format");
  return mask_;
}

bool Grammar::take(int32_t token) {
  if (token < 0 || token >= vocabulary_->size()) return false;
  bool taken = false;
  check(vivace_grammar_take(grammar_.get(), uint32_t(token), &taken), "the answer's format");
  return taken;
}

}  // namespace vivace
