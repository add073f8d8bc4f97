// The printable characters that stand for bytes in byte-level BPE vocabularies (GPT-2's table).
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace vivace {

class ByteAlphabet {
 public:
  static const ByteAlphabet& instance();

  /// UTF-8 of the character that stands for a byte.
  std::string_view character(unsigned char byte) const { return characters_[byte]; }
  /// A text in the alphabet.
  std::string encode(std::string_view bytes) const;
  /// Back to bytes; a text with any other character is returned as it is.
  std::string decode(std::string_view text) const;

 private:
  ByteAlphabet();
  std::array<std::string, 256> characters_;
  std::array<int, 512> bytes_;  // code point to byte, or -1
};

}  // namespace vivace
