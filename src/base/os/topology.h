// What the CPU looks like from inside this process: cores, kinds of cores, caches, NUMA nodes, and how much of it the
// process may use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vivace {

/// A hardware thread this process may run on.
struct LogicalCpu {
  int id = 0;            // the system's number
  int core = 0;          // index of its physical core in [0, physical_cores)
  int package = 0;       // socket
  int numa_node = 0;     // NumaNode::id
  int cluster = 0;       // index into CpuTopology::clusters
  int64_t max_khz = 0;   // 0: unknown
  bool sibling = false;  // another logical CPU of the same core precedes it
};

/// Cores of one kind, for example the performance cores of a hybrid CPU.
struct CoreCluster {
  std::string name;  // "performance", "efficiency", "all"
  int64_t max_khz = 0;
  int capacity = 0;  // relative speed, 1024 = the fastest; 0: unknown
  int physical_cores = 0;
  std::vector<int> cpus;  // LogicalCpu::id, ascending
};

struct CpuCache {
  int level = 0;  // 1, 2, 3 (data and unified caches only)
  int64_t bytes = 0;
  std::vector<int> cpus;  // usable logical CPUs that share it, ascending
};

struct NumaNode {
  int id = 0;
  int64_t memory_bytes = 0;  // 0: unknown
  std::vector<int> cpus;     // usable logical CPUs, ascending
};

struct CpuTopology {
  std::string model_name;             // as the system calls the CPU, may be empty
  int online_cpus = 0;                // logical CPUs of the machine
  int physical_cores = 0;             // with at least one usable logical CPU
  std::vector<LogicalCpu> cpus;       // usable ones, ascending by id; never empty
  std::vector<CoreCluster> clusters;  // fastest first; never empty
  std::vector<CpuCache> caches;       // ascending by level
  std::vector<NumaNode> numa_nodes;   // never empty
  std::optional<double> quota;        // CPU time per wall time that control groups allow, for example 1.5

  /// Physical cores worth a compute thread each: without the efficiency cores where kinds differ, which the others
  /// would wait for; limited by the quota (rounded up), at least 1.
  int useful_threads() const;
  /// One logical CPU of each physical core, fastest cluster first.
  std::vector<int> one_cpu_per_core() const;
  /// Bytes of the largest cache of a level that one core sees; 0 when there is none or it is unknown.
  int64_t cache_bytes(int level) const;
};

struct TopologySource {
  std::filesystem::path root = "/";  // tests use trees of their own
  /// Logical CPUs the scheduler lets this process use; nothing: ask the system.
  std::optional<std::vector<int>> affinity;
};

/// Reads sysfs, the scheduler's affinity and the control groups (cpuset, CPU quota; versions 1 and 2). What the system
/// does not say becomes one cluster, one NUMA node, no caches. Never throws for odd or missing files.
CpuTopology read_topology(const TopologySource& source = {});

}  // namespace vivace
