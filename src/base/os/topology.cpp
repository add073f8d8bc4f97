// CPU topology from sysfs; elsewhere as many equal cores as the standard library reports.
#include "base/os/topology.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "base/os/proc_files.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace vivace {
namespace {

namespace fs = std::filesystem;

std::vector<int> intersect(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::vector<int> read_cpu_list(const fs::path& path) { return parse_cpu_list(read_text(path).value_or("")); }

fs::path cpu_folder(const fs::path& root, int cpu) {
  return root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu));
}

std::vector<int> scheduler_affinity() {
  std::vector<int> cpus;
#if defined(__linux__)
  // A set larger than the kernel's own; machines of more than 1024 CPUs refuse the default one.
  constexpr int kMost = 8192;
  cpu_set_t* set = CPU_ALLOC(kMost);
  const size_t bytes = CPU_ALLOC_SIZE(kMost);
  if (set != nullptr && sched_getaffinity(0, bytes, set) == 0) {
    for (int cpu = 0; cpu < kMost; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set)) cpus.push_back(cpu);
    }
  }
  CPU_FREE(set);
#endif
  return cpus;
}

std::vector<int> online_cpus(const fs::path& root) {
  std::vector<int> online = read_cpu_list(root / "sys/devices/system/cpu/online");
  if (online.empty()) {
    const int count = std::max(1u, std::thread::hardware_concurrency());
    for (int cpu = 0; cpu < count; ++cpu) online.push_back(cpu);
  }
  return online;
}

// Narrows, unless that would leave nothing: a list that contradicts the others is worth less than a CPU to run on.
void narrow(std::vector<int>& cpus, const std::vector<int>& allowed) {
  std::vector<int> both = intersect(cpus, allowed);
  if (!both.empty()) cpus = std::move(both);
}

std::vector<int> usable_cpus(const TopologySource& source, std::vector<int> cpus) {
  narrow(cpus, source.affinity ? *source.affinity : scheduler_affinity());
  for (const CgroupFolder& folder : cgroup_folders(source.root, "cpuset")) {
    const char* name = folder.v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
    narrow(cpus, read_cpu_list(folder.path / name));
  }
  return cpus;
}

std::optional<double> group_quota(const CgroupFolder& folder) {
  int64_t quota = -1;
  int64_t period = 0;
  if (folder.v2) {  // "150000 100000" or "max 100000"
    const auto text = read_text(folder.path / "cpu.max");
    if (!text || text->compare(0, 3, "max") == 0) return std::nullopt;
    char* rest = nullptr;
    quota = std::strtoll(text->c_str(), &rest, 10);
    period = std::strtoll(rest, nullptr, 10);
  } else {
    quota = read_integer(folder.path / "cpu.cfs_quota_us").value_or(-1);
    period = read_integer(folder.path / "cpu.cfs_period_us").value_or(0);
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

std::optional<double> cpu_quota(const fs::path& root) {
  std::optional<double> lowest;
  for (const CgroupFolder& folder : cgroup_folders(root, "cpu")) {
    if (const auto quota = group_quota(folder)) lowest = std::min(lowest.value_or(*quota), *quota);
  }
  return lowest;
}

std::string cpu_model_name(const fs::path& root) {
  const std::string text = read_text(root / "proc/cpuinfo").value_or("");
  for (const char* key : {"model name", "Model"}) {
    const size_t at = text.find(key);
    if (at == std::string::npos) continue;
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t colon = text.find(':', at);
    if (colon >= end) continue;
    const size_t start = text.find_first_not_of(" \t", colon + 1);
    if (start < end) return text.substr(start, end - start);
  }
  return "";
}

// Numbers the physical cores by the lowest logical CPU of each, so that siblings are found whatever core_id says.
void read_cores(const fs::path& root, CpuTopology& topology) {
  std::map<int, int> core_of_first;
  std::set<int> seen;
  for (LogicalCpu& cpu : topology.cpus) {
    const fs::path folder = cpu_folder(root, cpu.id);
    std::vector<int> siblings = read_cpu_list(folder / "topology/thread_siblings_list");
    const int first = siblings.empty() ? cpu.id : siblings.front();
    cpu.core = core_of_first.emplace(first, static_cast<int>(core_of_first.size())).first->second;
    cpu.sibling = !seen.insert(cpu.core).second;
    cpu.package =
        static_cast<int>(std::max<int64_t>(read_integer(folder / "topology/physical_package_id").value_or(0), 0));
    cpu.max_khz = read_integer(folder / "cpufreq/cpuinfo_max_freq").value_or(0);
  }
  topology.physical_cores = static_cast<int>(core_of_first.size());
}

// The kind of each CPU as (capacity, fallback order): Arm states capacities, Intel's hybrids have one PMU per kind.
// Boost clocks are no kind: they differ between equal cores.
void read_clusters(const fs::path& root, CpuTopology& topology) {
  const std::vector<int> efficiency = read_cpu_list(root / "sys/devices/cpu_atom/cpus");
  std::map<std::pair<int, bool>, CoreCluster> kinds;
  for (const LogicalCpu& cpu : topology.cpus) {
    const int capacity = static_cast<int>(read_integer(cpu_folder(root, cpu.id) / "cpu_capacity").value_or(0));
    const bool small = std::binary_search(efficiency.begin(), efficiency.end(), cpu.id);
    CoreCluster& cluster = kinds[{-capacity, small}];
    cluster.capacity = capacity;
    cluster.max_khz = std::max(cluster.max_khz, cpu.max_khz);
    cluster.physical_cores += cpu.sibling ? 0 : 1;
    cluster.cpus.push_back(cpu.id);
  }
  for (auto& [kind, cluster] : kinds) {
    const bool last = topology.clusters.size() + 1 == kinds.size();
    const bool first = topology.clusters.empty();
    cluster.name = kinds.size() == 1 ? "all" : first ? "performance" : last ? "efficiency" : "middle";
    for (LogicalCpu& cpu : topology.cpus) {
      if (std::binary_search(cluster.cpus.begin(), cluster.cpus.end(), cpu.id)) {
        cpu.cluster = static_cast<int>(topology.clusters.size());
      }
    }
    topology.clusters.push_back(std::move(cluster));
  }
}

void read_caches(const fs::path& root, const std::vector<int>& usable, CpuTopology& topology) {
  std::set<std::pair<int, std::vector<int>>> known;
  for (const int cpu : usable) {
    for (int index = 0; index < 16; ++index) {
      const fs::path folder = cpu_folder(root, cpu) / "cache" / ("index" + std::to_string(index));
      const auto level = read_integer(folder / "level");
      if (!level) break;
      if (read_text(folder / "type").value_or("") == "Instruction") continue;
      CpuCache cache;
      cache.level = static_cast<int>(*level);
      cache.bytes = read_integer(folder / "size").value_or(0);
      cache.cpus = intersect(read_cpu_list(folder / "shared_cpu_list"), usable);
      if (cache.cpus.empty()) cache.cpus = {cpu};
      if (cache.bytes > 0 && known.emplace(cache.level, cache.cpus).second) topology.caches.push_back(std::move(cache));
    }
  }
  std::stable_sort(topology.caches.begin(), topology.caches.end(),
                   [](const CpuCache& a, const CpuCache& b) { return a.level < b.level; });
}

void read_numa(const fs::path& root, const std::vector<int>& usable, CpuTopology& topology) {
  const fs::path nodes = root / "sys/devices/system/node";
  for (const int id : read_cpu_list(nodes / "online")) {
    const fs::path folder = nodes / ("node" + std::to_string(id));
    NumaNode node;
    node.id = id;
    node.cpus = intersect(read_cpu_list(folder / "cpulist"), usable);
    const std::string text = read_text(folder / "meminfo").value_or("");  // "Node 0 MemTotal:  123 kB"
    const size_t at = text.find("MemTotal");
    if (at != std::string::npos) node.memory_bytes = kilobytes_field(text.substr(at), "MemTotal").value_or(0);
    for (LogicalCpu& cpu : topology.cpus) {
      if (std::binary_search(node.cpus.begin(), node.cpus.end(), cpu.id)) cpu.numa_node = id;
    }
    topology.numa_nodes.push_back(std::move(node));
  }
  if (topology.numa_nodes.empty()) topology.numa_nodes.push_back({0, 0, usable});
}

}  // namespace

CpuTopology read_topology(const TopologySource& source) {
  CpuTopology topology;
  const std::vector<int> online = online_cpus(source.root);
  const std::vector<int> usable = usable_cpus(source, online);
  topology.online_cpus = static_cast<int>(online.size());
  topology.model_name = cpu_model_name(source.root);
  topology.quota = cpu_quota(source.root);
  for (const int id : usable) {
    LogicalCpu cpu;
    cpu.id = id;
    topology.cpus.push_back(cpu);
  }
  read_cores(source.root, topology);
  read_clusters(source.root, topology);
  read_caches(source.root, usable, topology);
  read_numa(source.root, usable, topology);
  return topology;
}

int CpuTopology::useful_threads() const {
  int threads = 0;
  for (const CoreCluster& cluster : clusters) {
    if (cluster.name != "efficiency") threads += cluster.physical_cores;
  }
  threads = std::max(threads, 1);
  if (quota && *quota < threads) threads = std::max(1, static_cast<int>(std::ceil(*quota)));
  return threads;
}

std::vector<int> CpuTopology::one_cpu_per_core() const {
  std::vector<int> chosen;
  for (size_t cluster = 0; cluster < clusters.size(); ++cluster) {
    for (const LogicalCpu& cpu : cpus) {
      if (!cpu.sibling && cpu.cluster == static_cast<int>(cluster)) chosen.push_back(cpu.id);
    }
  }
  return chosen;
}

int64_t CpuTopology::cache_bytes(int level) const {
  int64_t most = 0;
  for (const CpuCache& cache : caches) {
    if (cache.level == level) most = std::max(most, cache.bytes);
  }
  return most;
}

}  // namespace vivace
