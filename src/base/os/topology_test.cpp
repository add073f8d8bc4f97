// Topologies on trees that look like a desktop with hyperthreads, a hybrid, an Arm phone and a container.
#include "base/os/topology.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/os/fixture_tree.h"

namespace vivace {
namespace {

std::vector<int> range(int first, int last) {
  std::vector<int> numbers;
  for (int i = first; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

void add_cache(FixtureTree& tree, int cpu, int index, int level, const char* type, const char* size,
               const std::string& shared) {
  const std::string folder =
      "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index) + "/";
  tree.file(folder + "level", std::to_string(level)).file(folder + "type", type).file(folder + "size", size);
  tree.file(folder + "shared_cpu_list", shared);
}

// 4 cores of 2 threads: siblings are (0,4) (1,5) (2,6) (3,7); two NUMA nodes of two cores each.
void fill_desktop(FixtureTree& tree) {
  tree.file("sys/devices/system/cpu/online", "0-7").file("sys/devices/system/node/online", "0-1");
  tree.file("proc/cpuinfo", "processor\t: 0\nmodel name\t: Imaginary 8000\ncache size\t: 1 KB");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
    const std::string pair = std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4);
    tree.file(folder + "/topology/thread_siblings_list", pair).file(folder + "/topology/physical_package_id", "0");
    tree.file(folder + "/cpufreq/cpuinfo_max_freq", cpu % 4 == 0 ? "5700000" : "5500000");
    add_cache(tree, cpu, 0, 1, "Data", "32K", pair);
    add_cache(tree, cpu, 1, 1, "Instruction", "32K", pair);
    add_cache(tree, cpu, 2, 2, "Unified", "1024K", pair);
    add_cache(tree, cpu, 3, 3, "Unified", "32M", "0-7");
  }
  tree.file("sys/devices/system/node/node0/cpulist", "0-1,4-5")
      .file("sys/devices/system/node/node1/cpulist", "2-3,6-7");
  tree.file("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       1000 kB\nNode 0 MemFree: 1 kB");
}

TEST(Topology, DesktopWithHyperthreads) {
  FixtureTree tree;
  fill_desktop(tree);
  const CpuTopology topology = read_topology({tree.root(), range(0, 7)});
  EXPECT_EQ(topology.model_name, "Imaginary 8000");
  EXPECT_EQ(topology.online_cpus, 8);
  EXPECT_EQ(topology.cpus.size(), 8u);
  EXPECT_EQ(topology.physical_cores, 4);
  EXPECT_EQ(topology.useful_threads(), 4);
  EXPECT_EQ(topology.one_cpu_per_core(), range(0, 3));
  EXPECT_EQ(topology.cpus[5].core, 1);
  EXPECT_TRUE(topology.cpus[5].sibling);
  ASSERT_EQ(topology.clusters.size(), 1u) << "favoured cores are no kind of their own";
  EXPECT_EQ(topology.clusters[0].name, "all");
  EXPECT_EQ(topology.clusters[0].max_khz, 5700000);
  EXPECT_EQ(topology.caches.size(), 4u + 4u + 1u);
  EXPECT_EQ(topology.cache_bytes(1), 32 << 10);
  EXPECT_EQ(topology.cache_bytes(2), 1 << 20);
  EXPECT_EQ(topology.cache_bytes(3), 32 << 20);
  EXPECT_EQ(topology.cache_bytes(4), 0);
  EXPECT_EQ(topology.caches.back().cpus, range(0, 7));
  ASSERT_EQ(topology.numa_nodes.size(), 2u);
  EXPECT_EQ(topology.numa_nodes[0].memory_bytes, 1000 * 1024);
  EXPECT_EQ(topology.numa_nodes[1].cpus, (std::vector<int>{2, 3, 6, 7}));
  EXPECT_EQ(topology.cpus[6].numa_node, 1);
  EXPECT_FALSE(topology.quota.has_value());
}

TEST(Topology, AffinityNarrowsEverything) {
  FixtureTree tree;
  fill_desktop(tree);
  const CpuTopology topology = read_topology({tree.root(), std::vector<int>{1, 5, 6}});
  EXPECT_EQ(topology.online_cpus, 8);
  EXPECT_EQ(topology.physical_cores, 2);
  EXPECT_EQ(topology.one_cpu_per_core(), (std::vector<int>{1, 6})) << "6 counts: its sibling is not ours";
  EXPECT_EQ(topology.caches.back().cpus, (std::vector<int>{1, 5, 6}));
}

TEST(Topology, GroupsLimitCpusAndTime) {
  FixtureTree tree;
  fill_desktop(tree);
  tree.file("proc/self/cgroup", "0::/job/step");
  tree.file("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
  tree.file("sys/fs/cgroup/job/cpu.max", "150000 100000").file("sys/fs/cgroup/job/step/cpu.max", "max 100000");
  tree.file("sys/fs/cgroup/job/step/cpuset.cpus.effective", "0-2");
  const CpuTopology topology = read_topology({tree.root(), range(0, 7)});
  EXPECT_EQ(topology.physical_cores, 3);
  ASSERT_TRUE(topology.quota.has_value());
  EXPECT_DOUBLE_EQ(*topology.quota, 1.5);
  EXPECT_EQ(topology.useful_threads(), 2);
}

TEST(Topology, QuotaOfVersion1) {
  FixtureTree tree;
  fill_desktop(tree);
  tree.file("proc/self/cgroup", "3:cpu,cpuacct:/docker/x");
  tree.file("proc/self/mountinfo", "30 23 0:26 /docker/x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct");
  tree.file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000").file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  const CpuTopology topology = read_topology({tree.root(), range(0, 7)});
  EXPECT_EQ(topology.useful_threads(), 1);
}

TEST(Topology, HybridByPmu) {
  FixtureTree tree;
  tree.file("sys/devices/system/cpu/online", "0-5").file("sys/devices/cpu_core/cpus", "0-3");
  tree.file("sys/devices/cpu_atom/cpus", "4-5");
  for (int cpu = 0; cpu < 6; ++cpu) {
    const std::string pair =
        cpu < 4 ? std::to_string(cpu / 2 * 2) + "-" + std::to_string(cpu / 2 * 2 + 1) : std::to_string(cpu);
    tree.file("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", pair);
  }
  const CpuTopology topology = read_topology({tree.root(), range(0, 5)});
  ASSERT_EQ(topology.clusters.size(), 2u);
  EXPECT_EQ(topology.clusters[0].name, "performance");
  EXPECT_EQ(topology.clusters[0].physical_cores, 2);
  EXPECT_EQ(topology.clusters[1].name, "efficiency");
  EXPECT_EQ(topology.clusters[1].cpus, (std::vector<int>{4, 5}));
  EXPECT_EQ(topology.one_cpu_per_core(), (std::vector<int>{0, 2, 4, 5}));
}

TEST(Topology, ArmByCapacityFastestFirst) {
  FixtureTree tree;
  tree.file("sys/devices/system/cpu/online", "0-7");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const char* capacity = cpu < 4 ? "250" : cpu < 7 ? "700" : "1024";
    tree.file("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpu_capacity", capacity);
  }
  const CpuTopology topology = read_topology({tree.root(), range(0, 7)});
  ASSERT_EQ(topology.clusters.size(), 3u);
  EXPECT_EQ(topology.clusters[0].capacity, 1024);
  EXPECT_EQ(topology.clusters[1].name, "middle");
  EXPECT_EQ(topology.one_cpu_per_core(), (std::vector<int>{7, 4, 5, 6, 0, 1, 2, 3}));
}

TEST(Topology, AnEmptyTreeIsStillAMachine) {
  FixtureTree tree;
  const CpuTopology topology = read_topology({tree.root(), {}});
  EXPECT_FALSE(topology.cpus.empty());
  EXPECT_EQ(topology.clusters.size(), 1u);
  EXPECT_EQ(topology.numa_nodes.size(), 1u);
  EXPECT_GE(topology.useful_threads(), 1);
}

TEST(Topology, ThisMachineMakesSense) {
  const CpuTopology topology = read_topology();
  EXPECT_GE(topology.online_cpus, static_cast<int>(topology.cpus.size()));
  EXPECT_GE(static_cast<int>(topology.cpus.size()), topology.physical_cores);
  EXPECT_EQ(topology.one_cpu_per_core().size(), static_cast<size_t>(topology.physical_cores));
}

}  // namespace
}  // namespace vivace
