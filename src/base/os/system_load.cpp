// Counters of the machine and of this process.
#include "base/os/system_load.h"

#include <chrono>
#include <ctime>
#include <sstream>
#include <string>

#include "base/os/proc_files.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace vivace {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

#if defined(__linux__)

namespace {

double ticks_per_second() { return double(sysconf(_SC_CLK_TCK)); }

/// The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
void read_machine(const std::filesystem::path& root, SystemLoad& load) {
  const auto text = read_text(root / "proc/stat");
  if (!text) return;
  std::istringstream in(*text);
  std::string name;
  double ticks[8] = {};
  in >> name;
  for (double& value : ticks) in >> value;
  if (name == "cpu" && in) {
    load.busy_seconds = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / ticks_per_second();
    load.stolen_seconds = ticks[7] / ticks_per_second();
  }
  for (std::string line; std::getline(in, line);) {
    load.cpus += line.starts_with("cpu") && line.size() > 3 && line[3] >= '0' && line[3] <= '9';
  }
}

/// The fields behind the name in parentheses: state is field 3 of /proc/self/stat, see proc(5).
void read_process(const std::filesystem::path& root, SystemLoad& load) {
  const auto text = read_text(root / "proc/self/stat");
  const size_t end = text ? text->rfind(')') : std::string::npos;
  if (end == std::string::npos) return;
  std::istringstream in(text->substr(end + 1));
  std::string word;
  for (int field = 3; in >> word; ++field) {
    if (field == 12) load.major_faults = std::strtoll(word.c_str(), nullptr, 10);
    if (field == 14 || field == 15) load.own_seconds += std::strtod(word.c_str(), nullptr) / ticks_per_second();
  }
}

/// The number behind a word, as /proc/vmstat and /proc/self/io have them.
int64_t number_behind(const std::filesystem::path& path, const std::string& key) {
  const auto text = read_text(path);
  if (!text) return 0;
  std::istringstream in(*text);
  std::string word;
  int64_t value = 0;
  while (in >> word >> value) {
    if (word == key) return value;
  }
  return 0;
}

void read_clock(const std::filesystem::path& root, SystemLoad& load) {
  int64_t sum = 0, most = 0, count = 0;
  for (int cpu = 0; cpu < load.cpus; ++cpu) {
    const auto folder = root / ("sys/devices/system/cpu/cpu" + std::to_string(cpu)) / "cpufreq";
    const auto now = read_integer(folder / "scaling_cur_freq");
    if (!now) continue;
    sum += *now;
    most += read_integer(folder / "cpuinfo_max_freq").value_or(0);
    ++count;
  }
  if (count == 0) return;
  load.clock_khz = sum / count;
  load.most_clock_khz = most / count;
}

}  // namespace

SystemLoad read_system_load(const std::filesystem::path& root) {
  SystemLoad load;
  load.wall_seconds = steady_seconds();
  read_machine(root, load);
  read_process(root, load);
  load.disk_bytes = number_behind(root / "proc/self/io", "read_bytes:");
  load.swapped_pages = number_behind(root / "proc/vmstat", "pswpin");
  read_clock(root, load);
  return load;
}

#else

SystemLoad read_system_load(const std::filesystem::path& /*root*/) {
  SystemLoad load;
  load.wall_seconds = steady_seconds();
  load.own_seconds = double(std::clock()) / CLOCKS_PER_SEC;
  return load;
}

#endif

}  // namespace vivace
