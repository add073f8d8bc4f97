// Help pages, made from the rows of commands and options.
#pragma once

#include <span>
#include <string>

#include "cli/command.h"

namespace vivace {

/// `vivace --help`: what it is, examples, commands by group, exit codes, environment.
std::string overview_help(std::span<const CommandRow> commands);

/// `vivace help COMMAND`.
std::string command_help(const CommandRow& command);

/// "vivace run MODEL [PROMPT] [options]".
std::string usage_line(const CommandRow& command);

}  // namespace vivace
