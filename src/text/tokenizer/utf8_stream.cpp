// Streaming detokenisation: bytes of token pieces go in, only whole UTF-8 characters come out.
#include "text/tokenizer/utf8_stream.h"

#include "text/tokenizer/unicode.h"

namespace vivace {

std::string Utf8Stream::push(std::string_view bytes) {
  tail_.append(bytes);
  std::string out;
  out.reserve(tail_.size());
  size_t at = 0;
  while (at < tail_.size()) {
    bool truncated = false;
    const size_t length = utf8_length(tail_, at, truncated);
    if (truncated) break;
    if (length != 0) {
      out.append(tail_, at, length);
      at += length;
      continue;
    }
    // The longest broken beginning of a character is one U+FFFD, as the Unicode standard recommends.
    size_t end = at + 1;
    for (; end < tail_.size() && end < at + 3; ++end) {
      bool fine_so_far = false;
      utf8_length(std::string_view(tail_).substr(0, end + 1), at, fine_so_far);
      if (!fine_so_far) break;
    }
    out += kReplacementCharacter;
    at = end;
  }
  tail_.erase(0, at);
  return out;
}

std::string Utf8Stream::flush() {
  const bool broken = !tail_.empty();
  tail_.clear();
  return broken ? std::string(kReplacementCharacter) : std::string();
}

}  // namespace vivace
