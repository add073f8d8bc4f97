// Letter case of ASCII text; other bytes stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

inline std::string ascii_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return result;
}

inline std::string ascii_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return result;
}

}  // namespace vivace
