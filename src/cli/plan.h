// `vivace plan`: will a model fit, and how fast will it run, before it is loaded.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow plan_command_row();

}  // namespace vivace
