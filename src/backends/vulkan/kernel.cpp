#include "backends/vulkan/kernel.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace vivace::vulkan {

const Kernel& find_kernel(std::string_view name) {
  const std::span<const Kernel> all = kernels();
  const auto found = std::lower_bound(
      all.begin(), all.end(), name, [](const Kernel& kernel, std::string_view wanted) { return kernel.name < wanted; });
  if (found == all.end() || found->name != name) {
    throw Error(ErrorCode::kInternal, "Vulkan: there is no shader " + std::string(name));
  }
  return *found;
}

}  // namespace vivace::vulkan
