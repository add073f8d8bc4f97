// Matrix products.
#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {

void record(Recorder& /*recorder*/, const MatmulArgs& /*args*/) {
  throw Error(ErrorCode::kUnsupported, "Vulkan: no matrix products yet");
}

size_t matmul_workspace_bytes(const GpuFacts& /*facts*/, const StepLimits& /*limits*/) { return 0; }
PreparedKinds matmul_prepared_kinds(const GpuFacts& /*facts*/, Format /*format*/) { return 0; }
size_t matmul_prepared_bytes(PreparedKinds /*kinds*/, int32_t /*columns*/, int32_t /*rows*/) { return 0; }
bool has_matmul(const GpuFacts& /*facts*/, Format /*format*/) { return false; }

}  // namespace vivace::vulkan
