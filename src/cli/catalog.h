// `vivace catalog`: the hardware and models that plans can be made for, and how right their predictions are.
#pragma once

#include "cli/command.h"

namespace vivace {

CommandRow catalog_command_row();

}  // namespace vivace
