#include <string>

#include "backends/cuda/launch.h"
#include "base/error.h"

namespace vivace::cuda {

void check_gpu(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  const std::string what = std::string("the GPU's driver said \"") + cudaGetErrorString(status) + "\" to " + call;
  if (status == cudaErrorMemoryAllocation) {
    throw Error(ErrorCode::kOutOfMemory, what, "offload fewer layers or shorten the context");
  }
  throw Error(ErrorCode::kDeviceLost, what, "run without the GPU or restart the program");
}

}  // namespace vivace::cuda
