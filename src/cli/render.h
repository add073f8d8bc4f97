// vivace render.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow render_command_row();

}  // namespace vivace
