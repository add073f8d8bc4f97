// Finds special tokens written in a text, leftmost first and the longest of those that begin at one place.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/token_table.h"
#include "text/tokenizer/trie.h"

namespace vivace {

class SpecialTokens {
 public:
  /// Takes control, unknown and user-defined tokens; notes what it leaves out.
  SpecialTokens(const TokenTable& vocabulary, std::vector<std::string>& notes);

  /// Cuts `text` into stretches without special tokens (text_part) and the tokens between them (token), in order.
  /// User-defined tokens always count, control and unknown tokens only with `parse_special`.
  void partition(std::string_view text, bool parse_special, const std::function<void(std::string_view)>& text_part,
                 const std::function<void(int32_t)>& token) const;

 private:
  enum Strip : uint8_t { kNone = 0, kLeft = 1, kRight = 2 };  // white space beside the token that it swallows
  struct Matcher {
    Trie trie;
    std::vector<char> begins = std::vector<char>(256);
    void add(std::string_view text, int32_t id);
  };
  void set_strips(const TokenTable& vocabulary);
  Strip strip_of(int32_t id) const;

  Matcher user_defined_;
  Matcher all_;
  bool phi3_ = false;
  int32_t left_strip_ = -1;
  const TokenTable& vocabulary_;
};

}  // namespace vivace
