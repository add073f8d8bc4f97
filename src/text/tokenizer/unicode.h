// UTF-8 and Unicode properties for the tokenizers; the only user of utf8proc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivace {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";             // U+2581, SentencePiece's visible space

/// Properties of a code point, as bits.
enum CharClass : uint8_t {
  kLetter = 1,        // L*
  kNumber = 2,        // N*
  kSpace = 4,         // White_Space
  kMark = 8,          // M*
  kPunctuation = 16,  // P*
  kSymbol = 32,       // S*
  kUpper = 64,        // Lu, Lt
  kLower = 128,       // Ll
};

/// One byte of CharClass bits per code point; immutable, made once per process.
class CharClassTable {
 public:
  static const CharClassTable& instance();
  uint8_t operator[](uint32_t code_point) const {
    return code_point < kPlain ? plain_[code_point] : of_rare(code_point);
  }

 private:
  static constexpr uint32_t kPlain = 0x40000;  // the planes that have characters; what is above is looked up
  CharClassTable();
  static uint8_t of_rare(uint32_t code_point);
  std::vector<uint8_t> plain_;
};

/// Length in bytes of the valid UTF-8 sequence that starts at `at`, or 0 when the bytes there are not one (overlong
/// forms, surrogates and values above U+10FFFF are invalid).
size_t utf8_length(std::string_view text, size_t at);

/// The same, and when the text merely ends too early for a sequence that is fine so far, `truncated` becomes true.
size_t utf8_length(std::string_view text, size_t at, bool& truncated);

struct CodePoint {
  uint32_t value;
  uint32_t length;  // bytes
};

/// Decodes at a position where the bytes are known to be valid UTF-8.
inline CodePoint decode_valid(const char* at) {
  const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(at[i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

/// Start of the last code point before `at` (> 0) in valid UTF-8.
inline size_t previous_start(const char* text, size_t at) {
  do {
    --at;
  } while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void append_utf8(std::string& out, uint32_t code_point);

/// Simple lower-case mapping.
uint32_t to_lower(uint32_t code_point);

/// Appends the full canonical decomposition (NFD) of one code point.
void append_decomposed(std::vector<uint32_t>& out, uint32_t code_point);

/// True for the general category Nd.
bool is_decimal_digit(uint32_t code_point);

/// True for the general categories Mn (combining accents) and Cc, Cf, Co, Cs, Cn (control and the like).
bool is_nonspacing_mark(uint32_t code_point);
bool is_control(uint32_t code_point);

/// The text with every invalid byte replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace vivace
