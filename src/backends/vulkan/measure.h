// Roofs of a device: memory, arithmetic, the link, the time a step takes that does nothing.
#pragma once

#include "backends/vulkan/memory.h"
#include "device/device.h"

namespace vivace::vulkan {

/// Fills the measured facts; takes up to a second, and a quarter of the memory that is usable at most. Throws Error
/// kOutOfMemory, kDeviceLost.
void measure_device(DeviceMemory& memory, DeviceInfo& info);

}  // namespace vivace::vulkan
