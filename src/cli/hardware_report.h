// What this machine has to offer, for people and for programs.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "cli/command.h"

namespace vivace {

/// CPU, caches, kernel sets, memory with limits, NUMA nodes, GPUs.
Json hardware_json(const Environment& environment);

/// What the CPU can reach at most, measured now: bytes read and int8 multiply-adds per second. 0 threads: as many as a
/// plan would use.
Json measured_json(const Environment& environment, int threads);

/// Both as aligned lines.
std::string hardware_text(const Json& hardware);

}  // namespace vivace
