// Reading /proc, /sys and cgroups.
#include "base/os/proc_files.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace vivace {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxText = size_t{1} << 20;
constexpr int kMaxCpu = 65535;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool has_word(const std::string& list, std::string_view word) {
  for (const std::string& part : split(list, ',')) {
    if (part == word) return true;
  }
  return false;
}

// A path of a cgroup file system is absolute; joined below a mount point it must not be.
fs::path relative_part(const std::string& path) {
  const size_t start = path.find_first_not_of('/');
  return start == std::string::npos ? fs::path() : fs::path(path.substr(start));
}

struct Mount {
  fs::path point;    // below root
  std::string base;  // which cgroup the mount point shows
};

std::optional<Mount> find_mount(const fs::path& root, bool v2, std::string_view controller) {
  const auto text = read_text(root / "proc/self/mountinfo");
  if (!text) return std::nullopt;
  for (const std::string& line : split(*text, '\n')) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool found = v2 ? right[0] == "cgroup2" : right[0] == "cgroup" && has_word(right[2], controller);
    if (found) return Mount{root / relative_part(left[4]), left[3]};
  }
  return std::nullopt;
}

// The part of a cgroup's path below what the mount shows; empty when the process looks at it from inside a container.
fs::path below_mount(std::string path, const std::string& base) {
  if (path.find("/..") != std::string::npos) return {};
  if (base != "/") {
    const bool inside =
        path.compare(0, base.size(), base) == 0 && (path.size() == base.size() || path[base.size()] == '/');
    if (!inside) return {};
    path.erase(0, base.size());
  }
  return relative_part(path);
}

}  // namespace

std::optional<std::string> read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  char chunk[4096];
  while (text.size() < kMaxText && (file.read(chunk, sizeof chunk) || file.gcount() > 0)) {
    text.append(chunk, static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return std::nullopt;
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

std::optional<int64_t> read_integer(const fs::path& path) {
  const auto text = read_text(path);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc()) return std::nullopt;
  int shift = 0;
  if (rest != end) shift = *rest == 'K' ? 10 : *rest == 'M' ? 20 : *rest == 'G' ? 30 : 0;
  if (value < 0 || value > (INT64_MAX >> shift)) return shift == 0 ? std::optional<int64_t>(value) : std::nullopt;
  return value << shift;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    int first = 0;
    const char* end = part.data() + part.size();
    const auto head = std::from_chars(part.data(), end, first);
    if (head.ec != std::errc()) continue;
    int last = first;
    if (head.ptr != end && *head.ptr == '-' && std::from_chars(head.ptr + 1, end, last).ec != std::errc()) continue;
    if (first < 0 || last > kMaxCpu) continue;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::optional<int64_t> kilobytes_field(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.size() <= key.size() || line.substr(0, key.size()) != key || line[key.size()] != ':') continue;
    const size_t digit = line.find_first_of("0123456789", key.size());
    if (digit == std::string_view::npos) return std::nullopt;
    int64_t value = 0;
    const auto result = std::from_chars(line.data() + digit, line.data() + line.size(), value);
    if (result.ec != std::errc() || value > INT64_MAX / 1024) return std::nullopt;
    return value * 1024;
  }
  return std::nullopt;
}

std::vector<CgroupFolder> cgroup_folders(const fs::path& root, std::string_view controller) {
  std::vector<CgroupFolder> folders;
  const auto text = read_text(root / "proc/self/cgroup");
  if (!text) return folders;
  for (const std::string& line : split(*text, '\n')) {  // "4:memory:/path" (v1) or "0::/path" (v2)
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = controllers.empty();
    if (!v2 && !has_word(controllers, controller)) continue;
    const auto mount = find_mount(root, v2, controller);
    if (!mount) continue;
    fs::path below = below_mount(line.substr(second + 1), mount->base);
    for (; !below.empty(); below = below.parent_path()) folders.push_back({mount->point / below, v2});
    folders.push_back({mount->point, v2});
  }
  return folders;
}

}  // namespace vivace
