#include "base/number_text.h"

#include <charconv>
#include <cmath>

namespace vivace {

std::string fixed_text(double value, int digits) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  char text[512];
  const auto result = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  return std::string(text, result.ptr);
}

}  // namespace vivace
