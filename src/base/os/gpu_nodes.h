// Whether it is worth waking a GPU driver.
#pragma once

#include <filesystem>

namespace vivace {

/// False where the system has no device node of any GPU driver (Linux), so that loading graphics drivers would find
/// software at most; true where that can't be known. `root` is "/" but in tests.
bool may_have_gpu(const std::filesystem::path& root = "/");

}  // namespace vivace
