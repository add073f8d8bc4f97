// `vivace claims`: what is said about speed and memory, computed anew.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow claims_command_row();

}  // namespace vivace
