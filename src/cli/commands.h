// The one table of subcommands.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"

namespace vivace {

/// In the order of the help.
std::span<const CommandRow> commands();

/// Null where there is none.
const CommandRow* find_command(std::string_view name);

/// The Error to throw for a name that is no command, with the nearest one as hint.
Error unknown_command(const std::string& name);

}  // namespace vivace
