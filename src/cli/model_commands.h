// vivace get, ls, rm: models on this machine; ps, load, unload: those of a running server.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow get_command_row();
CommandRow ls_command_row();
CommandRow rm_command_row();
CommandRow ps_command_row();
CommandRow load_command_row();
CommandRow unload_command_row();

}  // namespace vivace
