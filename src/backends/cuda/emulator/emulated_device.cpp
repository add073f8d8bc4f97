#include "backends/cuda/emulator/emulated_device.h"

#include "backends/cuda/cuda_device.h"

namespace vivace {

std::unique_ptr<Device> make_emulated_cuda_device(const std::string& id, std::optional<size_t> memory,
                                                  const DeviceFaultPlan& faults) {
  cuda::CudaOptions options;
  options.id = id;
  options.memory = memory;
  options.faults = faults;
  return cuda::make_cuda_device(options);
}

}  // namespace vivace
