// What this machine has to offer, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/command.h"
#include "device/device.h"

namespace vivace {

/// CPU, caches, kernel sets, memory with limits, NUMA nodes, GPUs.
Json hardware_json(const Environment& environment);

/// What the CPU can reach at most, measured now: bytes read and int8 multiply-adds per second. 0 threads: as many as a
/// plan would use.
Json measured_json(const Environment& environment, int threads);

/// Every GPU that this program can use, by the names that --device takes: [{id, name, kind, …}]; with `measure` what it
/// reaches, in a second or two each, and the facts of those that were measured in `measured`. A GPU that can't be
/// opened has "error".
Json devices_json(const Environment& environment, bool measure, std::vector<DeviceInfo>& measured);

/// All of it, as far as it is there, as aligned lines.
std::string hardware_text(const Json& hardware);

}  // namespace vivace
