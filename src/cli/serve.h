// vivace serve: the server.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow serve_command_row();

}  // namespace vivace
