// vivace version.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow version_command_row();

}  // namespace vivace
