// ASCII text: letter case, where other bytes stay as they are, and plain names.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

inline std::string ascii_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return result;
}

/// Letters, digits, "-", "_" and ".", at least one.
inline bool is_plain_name(std::string_view text) {
  for (char c : text) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (!plain) return false;
  }
  return !text.empty();
}

inline std::string ascii_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return result;
}

}  // namespace vivace
