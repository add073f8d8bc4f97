#include "cli/standard_input.h"

#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "cli/interrupt.h"

namespace vivace {

std::string read_standard_input() {
  constexpr size_t kMost = size_t{1} << 30;
  std::string text;
  char buffer[65536];
  while (text.size() <= kMost) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) {
      throw_if_interrupted();
      continue;
    }
    if (count < 0) throw Error(ErrorCode::kIo, "can't read standard input");
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
  throw Error(ErrorCode::kInvalidArgument, "standard input is longer than 1 GiB");
}

}  // namespace vivace
