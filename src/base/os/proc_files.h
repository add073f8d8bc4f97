// Reading the small text files by which Linux describes itself (/proc, /sys, cgroups), below any root folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivace {

/// The text of a file without trailing white space, at most 1 MiB of it; nothing when it can't be read.
std::optional<std::string> read_text(const std::filesystem::path& path);

/// The integer a file holds, also with a size suffix ("32K", "1M"); nothing when there is no such file or number.
std::optional<int64_t> read_integer(const std::filesystem::path& path);

/// Reads a CPU list such as "0-3,8,10-11" into ascending numbers; what is malformed or above 65535 is left out.
std::vector<int> parse_cpu_list(std::string_view text);

/// The value of a line "Key:  123 kB" in bytes, as in /proc/meminfo and /proc/self/status; nothing without that line.
std::optional<int64_t> kilobytes_field(std::string_view text, std::string_view key);

/// Folders of the control group of this process for a controller ("memory", "cpu"), its own first, then its parents up
/// to the mount point. Both versions are looked up; `v2` says which one a folder belongs to. `root` is "/" but in
/// tests.
struct CgroupFolder {
  std::filesystem::path path;
  bool v2;
};
std::vector<CgroupFolder> cgroup_folders(const std::filesystem::path& root, std::string_view controller);

}  // namespace vivace
