#include "base/os/memory_pressure.h"

#include <cstdlib>

#include "base/os/proc_files.h"

namespace vivace {
namespace {

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", in microseconds.
std::optional<double> stall_seconds_in(const std::filesystem::path& file) {
  const auto text = read_text(file);
  if (!text || !text->starts_with("some ")) return std::nullopt;
  const std::string line = text->substr(0, text->find('\n'));
  const size_t at = line.find("total=");
  if (at == std::string::npos) return std::nullopt;
  return double(std::strtoull(line.c_str() + at + 6, nullptr, 10)) * 1e-6;
}

}  // namespace

std::optional<double> memory_stall_seconds(const std::filesystem::path& root) {
  const std::vector<CgroupFolder> groups = cgroup_folders(root, "memory");
  if (!groups.empty() && groups[0].v2) {  // its own: a parent's would count strangers
    if (const auto seconds = stall_seconds_in(groups[0].path / "memory.pressure")) return seconds;
  }
  return stall_seconds_in(root / "proc/pressure/memory");
}

}  // namespace vivace
