#include "base/utf8.h"

#include <cstdint>

namespace vivace {
namespace {

struct Sequence {
  size_t length;  // bytes that belong together, at least 1
  bool valid;     // a whole character
  bool cut;       // ends at the end of the text with the character unfinished
};

/// Reads the character at the start of `text` (not empty).
Sequence next_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true, false};
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : (lead & 0xF0) == 0xE0        ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0) return {1, false, false};
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {i, false, true};
    // Overlong forms, surrogates and numbers beyond U+10FFFF show in the second byte.
    const uint8_t least = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < least || byte(i) > most) return {i, false, false};
  }
  return {length, true, false};
}

}  // namespace

size_t incomplete_utf8_tail(std::string_view text) {
  // A character has at most 4 bytes: the lead byte of a cut one is among the last 3.
  for (size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    const auto byte = static_cast<uint8_t>(text[text.size() - n]);
    if (byte >= 0xC0) return next_sequence(text.substr(text.size() - n)).cut ? n : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = next_sequence(text);
    if (sequence.valid) {
      result += text.substr(0, sequence.length);
    } else {
      result += "\xEF\xBF\xBD";
    }
    text.remove_prefix(sequence.length);
  }
  return result;
}

}  // namespace vivace
