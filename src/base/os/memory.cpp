// Memory of the machine, its control groups and this process.
#include "base/os/memory.h"

#include <algorithm>
#include <string>

#include "base/os/proc_files.h"

#if defined(__APPLE__)
#include <mach/mach.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#elif defined(_WIN32)
#ifndef NOMINMAX  // g++ defines it by itself
#define NOMINMAX
#endif
#include <windows.h>

#include <psapi.h>
#endif

namespace vivace {

#if defined(__linux__)

namespace {

// Limits this close to the end of 64 bits mean "no limit" in version 1.
constexpr int64_t kNoLimit = int64_t{1} << 60;

struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // the key in memory.stat of file pages that go when memory gets scarce
};
constexpr GroupFiles kFilesV1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles kFilesV2 = {"memory.max", "memory.current", "inactive_file"};

int64_t stat_field(const std::filesystem::path& folder, const std::string& key) {
  const auto text = read_text(folder / "memory.stat");
  if (!text) return 0;
  const std::string lines = "\n" + *text;
  const size_t at = lines.find("\n" + key + " ");
  if (at == std::string::npos) return 0;
  return std::max<int64_t>(std::strtoll(lines.c_str() + at + key.size() + 2, nullptr, 10), 0);
}

void apply_limit(const CgroupFolder& folder, MemoryInfo& info) {
  const GroupFiles& files = folder.v2 ? kFilesV2 : kFilesV1;
  const auto limit = read_integer(folder.path / files.limit);  // "max" is no integer
  if (!limit || *limit < 0 || *limit >= kNoLimit) return;
  const int64_t usage = read_integer(folder.path / files.usage).value_or(0);
  const int64_t held = std::max<int64_t>(usage - stat_field(folder.path, files.reclaimable), 0);
  info.limit = std::min(info.limit.value_or(*limit), *limit);
  info.usable_total = std::min(info.usable_total, *limit);
  info.usable_now = std::min(info.usable_now, std::max<int64_t>(*limit - held, 0));
}

}  // namespace

MemoryInfo read_memory_info(const std::filesystem::path& root) {
  MemoryInfo info;
  const std::string text = read_text(root / "proc/meminfo").value_or("");
  info.total = kilobytes_field(text, "MemTotal").value_or(0);
  const int64_t free = kilobytes_field(text, "MemFree").value_or(0);
  info.available = kilobytes_field(text, "MemAvailable").value_or(free);
  info.usable_total = info.total;
  info.usable_now = info.available;
  for (const CgroupFolder& folder : cgroup_folders(root, "memory")) apply_limit(folder, info);
  return info;
}

ProcessMemory read_process_memory(const std::filesystem::path& root) {
  const std::string text = read_text(root / "proc/self/status").value_or("");
  ProcessMemory memory;
  memory.resident = kilobytes_field(text, "VmRSS").value_or(0);
  memory.anonymous = kilobytes_field(text, "RssAnon").value_or(0);
  memory.file = kilobytes_field(text, "RssFile").value_or(0);
  memory.peak_resident = kilobytes_field(text, "VmHWM").value_or(0);
  return memory;
}

#elif defined(__APPLE__)

MemoryInfo read_memory_info(const std::filesystem::path&) {
  MemoryInfo info;
  uint64_t total = 0;
  size_t size = sizeof total;
  if (sysctlbyname("hw.memsize", &total, &size, nullptr, 0) == 0) info.total = static_cast<int64_t>(total);
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count) == 0) {
    info.available = static_cast<int64_t>(pages.free_count + pages.inactive_count) * static_cast<int64_t>(vm_page_size);
  }
  info.usable_total = info.total;
  info.usable_now = info.available;
  return info;
}

ProcessMemory read_process_memory(const std::filesystem::path&) {
  ProcessMemory memory;
  mach_task_basic_info_data_t task{};
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&task), &count) == 0) {
    memory.resident = static_cast<int64_t>(task.resident_size);
    memory.peak_resident = static_cast<int64_t>(task.resident_size_max);
  }
  return memory;
}

#elif defined(_WIN32)

MemoryInfo read_memory_info(const std::filesystem::path&) {
  MemoryInfo info;
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (GlobalMemoryStatusEx(&status)) {
    info.total = static_cast<int64_t>(status.ullTotalPhys);
    info.available = static_cast<int64_t>(status.ullAvailPhys);
  }
  info.usable_total = info.total;
  info.usable_now = info.available;
  return info;
}

ProcessMemory read_process_memory(const std::filesystem::path&) {
  ProcessMemory memory;
  PROCESS_MEMORY_COUNTERS counters{};
  if (K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)) {
    memory.resident = static_cast<int64_t>(counters.WorkingSetSize);
    memory.peak_resident = static_cast<int64_t>(counters.PeakWorkingSetSize);
  }
  return memory;
}

#else

MemoryInfo read_memory_info(const std::filesystem::path&) { return {}; }
ProcessMemory read_process_memory(const std::filesystem::path&) { return {}; }

#endif

}  // namespace vivace
