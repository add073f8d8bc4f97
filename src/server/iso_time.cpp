#include "server/iso_time.h"

#include <chrono>
#include <cstdio>

#include "base/date.h"

namespace vivace {

std::string iso_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  std::string text = date_text(micros / 1'000'000);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", int(micros % 1'000'000));
  text.replace(text.size() - 1, 1, fraction);
  return text;
}

}  // namespace vivace
