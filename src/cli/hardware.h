// vivace hardware.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow hardware_command_row();

}  // namespace vivace
