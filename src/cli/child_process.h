// Runs another program and waits for it.
#pragma once

#include <string>
#include <vector>

namespace vivace {

/// Runs `arguments[0]`, found in PATH, with its standard output joined to our standard error, and waits. Returns its
/// exit code, 128 + signal where a signal ended it. Ctrl-C reaches it too, since it is in our process group. Throws
/// Error kNotFound where there is no such program, kIo where the system refuses.
int run_child(const std::vector<std::string>& arguments);

}  // namespace vivace
