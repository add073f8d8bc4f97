// Text to token ids and back. One class for all kinds of vocabulary; immutable, so any number of threads may share it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/vocabulary_data.h"

namespace vivace {

struct EncodeOptions {
  bool add_special = true;     // BOS, EOS and separators where the file asks for them
  bool parse_special = false;  // control tokens written in the text become that token; user-defined ones always do
};

struct DecodeOptions {
  bool render_special = false;     // control tokens as their text; else they vanish
  bool strip_space_prefix = true;  // remove the space that the vocabulary puts before a text
};

class Tokenizer {
 public:
  /// Throws Error: kInvalidFile for a vocabulary that contradicts itself, kUnsupported for a model name that has no
  /// tokenizer here. Model "none" gives a tokenizer that knows its size and nothing else.
  static std::unique_ptr<Tokenizer> create(VocabularyData data);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Ids of `text`, any bytes up to 1 GiB; what is not UTF-8 becomes byte tokens. Linear in the length (n log n at
  /// worst). Throws Error: kUnsupported for "none", kInvalidArgument for a text beyond the limit.
  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;

  /// Raw bytes of a token, maybe a part of a UTF-8 character. Empty for ids outside the vocabulary and, unless
  /// `render_special`, for control tokens.
  std::string piece(int32_t id, bool render_special = false) const;

  /// The text of ids: pieces joined, bytes that are not UTF-8 left as they are.
  std::string decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  /// Id of a token by its stored text, or -1. For templates and stop words.
  int32_t find(std::string_view text) const;
  /// A token's stored text; empty outside the vocabulary.
  std::string_view token_text(int32_t id) const;
  /// A token's kind; kUnknown outside the vocabulary.
  TokenType token_type(int32_t id) const;

  /// Number of ids, 0 … size() - 1.
  int32_t size() const;

  // Special ids; -1 where the vocabulary has none.
  int32_t bos() const;
  int32_t eos() const;
  int32_t eot() const;
  int32_t unknown() const;
  int32_t padding() const;
  int32_t separator() const;
  int32_t mask() const;
  int32_t fim_prefix() const;
  int32_t fim_suffix() const;
  int32_t fim_middle() const;

  bool adds_bos() const;
  bool adds_eos() const;

  /// Whether a generated token ends the answer: EOS, EOT, EOM and the control tokens known to mean the same.
  bool is_end_of_generation(int32_t id) const;
  /// All such ids, ascending.
  const std::vector<int32_t>& end_of_generation() const;

  /// "SPM", "BPE", "WPM", "UGM" or "none".
  std::string_view kind() const;
  /// Name of the pre-split rule in use; empty for kinds without one.
  std::string_view pre_split() const;
  /// One line for people: kind, rule, sizes, special tokens.
  std::string summary() const;
  /// Whatever the user should know: a fallback that was taken, oddities of the file. One sentence each.
  const std::vector<std::string>& notes() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace vivace
