// How much memory there is for us: the machine's, what control groups leave of it, and what this process uses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace vivace {

/// All in bytes.
struct MemoryInfo {
  int64_t total = 0;             // of the machine
  int64_t available = 0;         // what the system could hand out now without swapping (its page cache counts as free)
  std::optional<int64_t> limit;  // the lowest limit of the process's control group and its parents
  int64_t usable_total = 0;      // the lower of total and limit
  int64_t usable_now = 0;        // the lower of available and what is left below every limit
};

/// Reads /proc/meminfo and the memory control groups, version 1 and 2, parents included. Zeros where the system does
/// not say. `root` is "/" but in tests.
MemoryInfo read_memory_info(const std::filesystem::path& root = "/");

/// All in bytes; zero where the system does not say.
struct ProcessMemory {
  int64_t resident = 0;       // RSS: anonymous + file + shared
  int64_t anonymous = 0;      // heap, stacks, our arenas
  int64_t file = 0;           // pages of mapped files, for example of a model
  int64_t peak_resident = 0;  // highest RSS so far
};

/// What this process uses now.
ProcessMemory read_process_memory(const std::filesystem::path& root = "/");

}  // namespace vivace
