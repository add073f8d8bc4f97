// Streaming detokenisation: bytes of token pieces go in, only whole UTF-8 characters come out.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

class Utf8Stream {
 public:
  /// Takes the bytes of the next piece and returns what is complete now, maybe nothing; an unfinished character is kept
  /// (at most 3 bytes). A byte that can't be part of any character becomes U+FFFD, so the output is always valid UTF-8.
  std::string push(std::string_view bytes);

  /// The end of the text: an unfinished character becomes one U+FFFD.
  std::string flush();

 private:
  std::string tail_;
};

}  // namespace vivace
