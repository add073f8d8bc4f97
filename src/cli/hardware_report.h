// What this machine has to offer, for people and for programs.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "cli/command.h"

namespace vivace {

/// CPU, caches, kernel sets, memory with limits, NUMA nodes, GPUs.
Json hardware_json(const Environment& environment);

/// The same as aligned lines.
std::string hardware_text(const Json& hardware);

}  // namespace vivace
