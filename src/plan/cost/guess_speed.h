// The speed of a device that nobody has measured.
#pragma once

#include "device/device.h"
#include "plan/cost/device_speed.h"

namespace vivace {

/// A guess by kind, kernels and physical cores: within a factor of two or so.
DeviceSpeed guess_speed(const DeviceInfo& info, int32_t cores);

}  // namespace vivace
