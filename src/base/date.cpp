#include "base/date.h"

#include <ctime>

namespace vivace {

std::string date_text() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::tm parts{};
  // gmtime's own memory is shared; the copy is made at once, and only the command line asks for the date.
  if (const std::tm* utc = std::gmtime(&now)) parts = *utc;
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace vivace
