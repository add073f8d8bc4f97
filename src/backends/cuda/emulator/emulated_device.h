// The CUDA backend over the emulator, as a device for tests.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "device/device.h"
#include "device/fault.h"

namespace vivace {

/// `memory`: pretended bytes, a hard budget.
std::unique_ptr<Device> make_emulated_cuda_device(const std::string& id = "cuda0", std::optional<size_t> memory = {},
                                                  const DeviceFaultPlan& faults = {});

}  // namespace vivace
