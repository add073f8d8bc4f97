// The printable characters that stand for bytes in byte-level BPE vocabularies (GPT-2's table).
#include "text/tokenizer/byte_alphabet.h"

#include "text/tokenizer/segments.h"

namespace vivace {

ByteAlphabet::ByteAlphabet() {
  bytes_.fill(-1);
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const uint32_t c = printable ? byte : next++;
    append_utf8(characters_[byte], c);
    bytes_[c] = static_cast<int>(byte);
  }
}

const ByteAlphabet& ByteAlphabet::instance() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

std::string ByteAlphabet::encode(std::string_view bytes) const {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) out += characters_[static_cast<unsigned char>(c)];
  return out;
}

std::string ByteAlphabet::decode(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = char_at(text, at);
    if (c.value >= bytes_.size() || bytes_[c.value] < 0) return std::string(text);
    out += static_cast<char>(bytes_[c.value]);
    at += c.length;
  }
  return out;
}

}  // namespace vivace
