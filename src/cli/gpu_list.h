// Graphics processors as the system names them; whether this build can use one is another question.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vivace {

struct GpuFact {
  std::string name;          // "NVIDIA H200", "AMD 0x744c", …
  std::string driver;        // kernel driver, may be empty
  std::string bus;           // PCI address, may be empty
  int64_t memory_bytes = 0;  // 0: unknown
};

/// Reads /proc/driver/nvidia and /sys/class/drm. `root` is "/" but in tests.
std::vector<GpuFact> list_gpus(const std::filesystem::path& root = "/");

}  // namespace vivace
