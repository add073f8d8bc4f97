// The checked, immutable token list that all tokenizer kinds share.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/hash.h"
#include "text/tokenizer/vocabulary_data.h"

namespace vivace {

class TokenTable {
 public:
  /// Checks sizes and ids. Throws Error(kInvalidFile).
  explicit TokenTable(VocabularyData data);

  const VocabularyData& data() const { return data_; }
  /// Gives their memory back once a tokenizer has read them: tens of MiB, as much as the tokens.
  void forget_merges() { data_.merges = {}; }
  int32_t size() const { return static_cast<int32_t>(data_.tokens.size()); }
  std::string_view text(int32_t id) const { return data_.tokens[static_cast<size_t>(id)]; }
  float score(int32_t id) const { return data_.scores.empty() ? 0.0F : data_.scores[static_cast<size_t>(id)]; }
  TokenType type(int32_t id) const { return types_[static_cast<size_t>(id)]; }
  /// Control and unknown tokens: written in a text they mean themselves only when special tokens are parsed.
  bool is_special(int32_t id) const { return type(id) == TokenType::kControl || type(id) == TokenType::kUnknown; }

  /// Id of a token's text as stored, or -1. Normal tokens win over others of the same text, later over earlier.
  int32_t find(std::string_view text) const { return table_.find(text, TextOfId{data_.tokens}); }

  /// The same for a token that ordinary text may become: normal, user-defined or unused.
  int32_t find_ordinary(std::string_view text) const {
    const int32_t id = text.size() <= longest_ ? find(text) : -1;
    return id >= 0 && is_ordinary_[static_cast<size_t>(id)] ? id : -1;
  }

  /// Token <0xXX> of a byte, or -1.
  int32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  /// Byte of a token <0xXX>, or -1.
  int byte_of(int32_t id) const;

  /// What the checks found odd but not wrong, one sentence each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void check_ids() const;

  VocabularyData data_;
  std::vector<TokenType> types_;
  std::vector<char> is_ordinary_;
  PieceTable table_;
  std::array<int32_t, 256> byte_tokens_;
  size_t longest_ = 0;  // bytes
  std::vector<std::string> notes_;
};

}  // namespace vivace
