// vivace run.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow run_command_row();

}  // namespace vivace
