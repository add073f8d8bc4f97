// What the four kinds of tokenizer have in common.
#include "text/tokenizer/token_model.h"

#include "text/tokenizer/unicode.h"

namespace vivace {

std::string mark_spaces(std::string_view text, bool prefix) {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + 3);
  if (prefix) out += kSpaceMark;
  for (const char c : text) {
    if (c == ' ') {
      out += kSpaceMark;
    } else {
      out += c;
    }
  }
  return out;
}

std::string unmark_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, kSpaceMark.size(), kSpaceMark) == 0) {
      out += ' ';
      at += kSpaceMark.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

void append_fallback(const TokenTable& vocabulary, std::string_view text, size_t run_start, std::vector<int32_t>& out) {
  bool all = true;
  for (const char c : text) all = all && vocabulary.byte_token(static_cast<unsigned char>(c)) >= 0;
  if (all) {
    for (const char c : text) out.push_back(vocabulary.byte_token(static_cast<unsigned char>(c)));
    return;
  }
  const int32_t unknown = vocabulary.data().unknown;
  if (unknown < 0 || (out.size() > run_start && out.back() == unknown)) return;
  out.push_back(unknown);
}

}  // namespace vivace
