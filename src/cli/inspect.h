// vivace inspect.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow inspect_command_row();

}  // namespace vivace
