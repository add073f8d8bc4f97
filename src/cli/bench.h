// vivace bench.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow bench_command_row();

}  // namespace vivace
