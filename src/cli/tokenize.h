// vivace tokenize.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow tokenize_command_row();

}  // namespace vivace
