// Hardware one doesn't have: several devices made of one, small memories, calls that fail. Read from three environment
// variables, so that every command and test can be tried with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "device/fault.h"

namespace vivace {

struct DevicePretence {
  int32_t devices = 1;                   // how many devices each backend makes of its first one
  std::map<std::string, size_t> memory;  // bytes by device id: what allocations may take there, and no more
  DeviceFaultPlan faults;                // of each GPU

  /// The pretended memory of a device, or nothing.
  std::optional<size_t> memory_of(const std::string& id) const;
};

/// `devices`: VIVACE_PRETEND_DEVICES, "3" makes vulkan0, vulkan1, vulkan2 of the first Vulkan device. `memory`:
/// VIVACE_DEVICE_MEMORY, "vulkan0:96MiB,cuda0:2GiB". `faults`: VIVACE_FAIL_DEVICE_CALL, see device/fault.h. Each may be
/// empty. Throws Error kInvalidArgument.
DevicePretence parse_pretence(const std::string& devices, const std::string& memory, const std::string& faults);

}  // namespace vivace
