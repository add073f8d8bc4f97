// All of standard input.
#pragma once

#include <string>

namespace vivace {

/// Every byte until the end. Throws Error kCancelled on Ctrl-C, kIo, kInvalidArgument beyond 1 GiB.
std::string read_standard_input();

}  // namespace vivace
