// vivace chat.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow chat_command_row();

}  // namespace vivace
