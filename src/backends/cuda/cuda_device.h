// NVIDIA GPUs as devices.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "device/device.h"
#include "device/fault.h"

namespace vivace::cuda {

struct CudaOptions {
  std::string id = "cuda0";
  int index = 0;                 // as the driver counts
  int shared_by = 1;             // devices that pretend to be this one: each has its part of the memory
  std::optional<size_t> memory;  // bytes: pretended, a hard budget
  DeviceFaultPlan faults;
};

/// GPUs that the driver shows; none where there is no driver.
int count_devices();

/// Throws Error kUnsupported for a GPU that the kernels don't run on, kDeviceLost where the driver fails.
///
/// Its streams record each (key, size of step) as a graph; what recorded calls name must live as long as their key is
/// used. Calls without begin() run once at sync().
std::unique_ptr<Device> make_cuda_device(const CudaOptions& options);

}  // namespace vivace::cuda
