// vivace help.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow help_command_row();

}  // namespace vivace
