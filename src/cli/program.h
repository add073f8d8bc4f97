// The program without its main: finds the subcommand, runs it, turns errors into messages and exit codes.
#pragma once

#include <string>
#include <vector>

#include "base/os/paths.h"

namespace vivace {

/// `arguments`: without the program's name. Returns the exit code; never throws.
int run_program(const std::vector<std::string>& arguments, const Environment& environment) noexcept;

}  // namespace vivace
