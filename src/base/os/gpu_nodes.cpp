#include "base/os/gpu_nodes.h"

#include <algorithm>
#include <array>

namespace vivace {

bool may_have_gpu([[maybe_unused]] const std::filesystem::path& root) {
#if defined(__linux__)
  // DRM, NVIDIA, NVIDIA's Tegra, Windows' subsystem for Linux, AMD's compute driver, Mali, Adreno.
  constexpr std::array kNodes{"dri", "nvidiactl", "nvhost-gpu", "nvgpu", "dxg", "kfd", "mali0", "kgsl-3d0"};
  return std::any_of(kNodes.begin(), kNodes.end(), [&](const char* node) {
    std::error_code ignored;
    return std::filesystem::exists(root / "dev" / node, ignored);
  });
#else
  return true;
#endif
}

}  // namespace vivace
