// vivace why.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow why_command_row();

}  // namespace vivace
