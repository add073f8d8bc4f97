// vivace fetch.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow fetch_command_row();

}  // namespace vivace
