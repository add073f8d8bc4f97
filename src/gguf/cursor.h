// A bounds-checked walk over the header bytes of a file, which names the field and the byte where it fails.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gguf/value.h"

namespace vivace {

/// A name out of a file, in quotes, fit for a terminal: control characters and bad UTF-8 escaped, long names cut.
std::string quote_name(std::string_view name);

/// True for well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

/// What is being read, put into words only when it fails: "<part> of <kind> '<name>'" or "<part> of <kind> #<number>".
struct Field {
  const char* part;
  const char* kind = nullptr;
  std::string_view name = {};
  uint64_t number = 0;
};

std::string field_text(const Field& field);

/// Thrown by Cursor where the bytes at hand end before the file does; whoever feeds it fetches more and starts again.
struct MoreBytesNeeded {
  uint64_t bytes;  // at least so many from the file's start
};

class Cursor {
 public:
  /// `available`: the file's first bytes; `file_bytes`: the size of the whole file, which bounds every count.
  Cursor(std::string_view origin, std::span<const uint8_t> available, uint64_t file_bytes)
      : origin_(origin), available_(available), file_bytes_(file_bytes) {}

  uint64_t position() const { return position_; }
  /// Bytes of the file after the position.
  uint64_t remaining() const { return file_bytes_ - position_; }
  uint64_t file_bytes() const { return file_bytes_; }
  const uint8_t* here() const { return available_.data() + position_; }
  /// Bytes at hand after the position.
  uint64_t at_hand() const { return available_.size() - position_; }

  /// Moves over `bytes` bytes and returns where they begin. Throws Error kInvalidFile where the file ends before.
  const uint8_t* take(uint64_t bytes, const Field& field) {
    if (bytes > available_.size() - position_) lacking(bytes, field);
    const uint8_t* start = here();
    position_ += bytes;
    return start;
  }
  template <class T>
  T read(const Field& field) {
    return load_unaligned<T>(take(sizeof(T), field));
  }

  /// Throws kInvalidFile: "<file>: <field>: <what> (byte <at>)".
  [[noreturn]] void fail(const Field& field, uint64_t at, const std::string& what) const;

 private:
  [[noreturn]] void lacking(uint64_t bytes, const Field& field) const;

  std::string_view origin_;
  std::span<const uint8_t> available_;
  uint64_t file_bytes_;
  uint64_t position_ = 0;
};

}  // namespace vivace
