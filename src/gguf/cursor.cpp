// Errors of the header walk, and the checks on names.
#include "gguf/cursor.h"

#include "base/error.h"

namespace vivace {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), 0 where it is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quote_name(std::string_view name) {
  constexpr size_t kMaxShown = 96;
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "'";
  while (!name.empty() && text.size() < kMaxShown) {
    const size_t length = sequence_length(name);
    const auto lead = static_cast<uint8_t>(name[0]);
    // U+0080..U+009F are control characters too: C2 80..9F.
    const bool control =
        lead < 0x20 || lead == 0x7F || (length == 2 && lead == 0xC2 && static_cast<uint8_t>(name[1]) < 0xA0);
    if (length == 0 || control) {
      text += "\\x";
      text += kHex[lead >> 4];
      text += kHex[lead & 15];
      name.remove_prefix(1);
    } else {
      text += name.substr(0, length);
      name.remove_prefix(length);
    }
  }
  return text + (name.empty() ? "'" : "...'");
}

std::string field_text(const Field& field) {
  std::string text = field.part;
  if (field.kind == nullptr) return text;
  text += std::string(" of ") + field.kind + " ";
  return text + (field.name.empty() ? "#" + std::to_string(field.number) : quote_name(field.name));
}

void Cursor::fail(const Field& field, uint64_t at, const std::string& what) const {
  throw Error(ErrorCode::kInvalidFile,
              std::string(origin_) + ": " + field_text(field) + ": " + what + " (byte " + std::to_string(at) + ")");
}

void Cursor::lacking(uint64_t bytes, const Field& field) const {
  if (bytes <= remaining()) throw MoreBytesNeeded{position_ + bytes};
  fail(field, position_,
       "needs " + std::to_string(bytes) + " bytes, the file ends after " + std::to_string(remaining()) + " more");
}

}  // namespace vivace
