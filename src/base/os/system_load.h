// What the machine did meanwhile: CPU time of this process and of others, stolen time, page faults, swapping, the
// clock.
#pragma once

#include <cstdint>
#include <filesystem>

namespace vivace {

/// Counters at one moment; differences of two say what happened between. Zero where the system does not say.
struct SystemLoad {
  double wall_seconds = 0;     // of a steady clock
  double own_seconds = 0;      // CPU time of this process
  double busy_seconds = 0;     // CPU time of all processes, on all CPUs
  double stolen_seconds = 0;   // that a hypervisor gave to other machines
  int64_t major_faults = 0;    // of this process: pages that came from a disk
  int64_t disk_bytes = 0;      // that this process made the disk read
  int64_t swapped_pages = 0;   // into memory, of the whole machine
  int64_t clock_khz = 0;       // of the usable CPUs now, on average
  int64_t most_clock_khz = 0;  // that they can reach
  int32_t cpus = 0;            // of the machine
};

/// `root` is "/" but in tests.
SystemLoad read_system_load(const std::filesystem::path& root = "/");

}  // namespace vivace
