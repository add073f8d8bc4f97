#include "base/os/gpu_nodes.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

#if defined(__linux__)
TEST(GpuNodes, AreLookedFor) {
  const std::filesystem::path root = std::filesystem::temp_directory_path() / "vivace-gpu-nodes";
  std::filesystem::create_directories(root / "dev");
  EXPECT_FALSE(may_have_gpu(root));
  std::filesystem::create_directories(root / "dev" / "dri");
  EXPECT_TRUE(may_have_gpu(root));
  std::filesystem::remove_all(root);
}
#endif

}  // namespace
}  // namespace vivace
