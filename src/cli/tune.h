// vivace tune and vivace profiles.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow tune_command_row();
CommandRow profiles_command_row();

}  // namespace vivace
