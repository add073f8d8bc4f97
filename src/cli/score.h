// vivace score.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow score_command_row();

}  // namespace vivace
