// What the four kinds of tokenizer have in common: text without special tokens becomes ids. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/token_table.h"

namespace vivace {

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  /// One call of encode, with its scratch memory.
  class Session {
   public:
    virtual ~Session() = default;
    /// Appends the ids of a stretch of text. `after_special`: it begins the whole text or follows a special token.
    virtual void encode(std::string_view text, bool after_special, std::vector<int32_t>& out) = 0;
  };

  /// `text_size`: bytes that will come, a hint.
  virtual std::unique_ptr<Session> begin(size_t text_size) const = 0;

  /// Bytes of a normal token.
  virtual std::string piece(int32_t id) const = 0;
};

/// The kinds. The vocabulary must outlive the model; notes are appended. Throw Error(kInvalidFile).
std::unique_ptr<TokenModel> make_bpe(const TokenTable& vocabulary, std::vector<std::string>& notes);
std::unique_ptr<TokenModel> make_spm(const TokenTable& vocabulary, bool add_space_prefix);
std::unique_ptr<TokenModel> make_wpm(const TokenTable& vocabulary);
std::unique_ptr<TokenModel> make_ugm(const TokenTable& vocabulary, bool add_space_prefix);

/// The text with U+2581 in place of spaces, and back.
std::string mark_spaces(std::string_view text, bool prefix);
std::string unmark_spaces(std::string_view text);

/// Appends what stands for text that has no token: its byte tokens, else one unknown token for a run of such text
/// (`run_start`: where in `out` this stretch of text began).
void append_fallback(const TokenTable& vocabulary, std::string_view text, size_t run_start, std::vector<int32_t>& out);

}  // namespace vivace
