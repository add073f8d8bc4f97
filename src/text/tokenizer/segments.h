// Cuts text into the stretches between which a JoinFilter allows no merge.
#pragma once

#include <string_view>

#include "text/tokenizer/boundary.h"
#include "text/tokenizer/unicode.h"

namespace vivace {

inline constexpr uint32_t kInvalidChar = ~0U;  // a byte that is not UTF-8, one at a time

/// Character at `at`: its code point (or kInvalidChar) and length.
inline CodePoint char_at(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) return {static_cast<unsigned char>(text[at]), 1};
  if (utf8_length(text, at) == 0) return {kInvalidChar, 1};
  return decode_valid(text.data() + at);
}

/// Calls visit(segment) for each stretch, in order.
template <class Visit>
void for_each_segment(std::string_view text, const JoinFilter& filter, const Visit& visit) {
  size_t begin = 0;
  uint32_t previous = kInvalidChar;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = char_at(text, at);
    const bool joins = previous != kInvalidChar && c.value != kInvalidChar && filter.may_join(previous, c.value);
    if (!joins && at > begin) {
      visit(text.substr(begin, at - begin));
      begin = at;
    }
    previous = c.value;
    at += c.length;
  }
  if (begin < text.size()) visit(text.substr(begin));
}

}  // namespace vivace
