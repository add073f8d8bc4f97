// Machines that people have, as Linux describes them, and the threads that compute on each.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "base/os/fixture_tree.h"
#include "base/os/topology.h"

namespace vivace {
namespace {

struct KnownMachine {
  const char* name;
  int performance_cores = 0, threads_per_core = 1, efficiency_cores = 0, packages = 1;
  bool by_capacity = false;  // Arm: kinds differ by cpu_capacity; else by the PMUs of x86 hybrids
  int allowed_cpus = 0;      // a cpuset of the first so many; 0: all
  const char* quota = "";    // cpu.max
  int expected_threads = 0, expected_cores = 0;
};

void PrintTo(const KnownMachine& machine, std::ostream* out) { *out << machine.name; }

std::string cpu_folder(int cpu) { return "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/"; }

std::string list(int first, int last) {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

/// Siblings are numbered one after the other; efficiency cores come last. Returns the number of CPUs.
int fill(FixtureTree& tree, const KnownMachine& machine) {
  const int performance = machine.performance_cores * machine.threads_per_core;
  const int cpus = performance + machine.efficiency_cores;
  tree.file("sys/devices/system/cpu/online", list(0, cpus - 1));
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const bool fast = cpu < performance;
    const int first = fast ? cpu / machine.threads_per_core * machine.threads_per_core : cpu;
    const int last = fast ? first + machine.threads_per_core - 1 : cpu;
    tree.file(cpu_folder(cpu) + "topology/thread_siblings_list", list(first, last));
    tree.file(cpu_folder(cpu) + "topology/physical_package_id", std::to_string(cpu * machine.packages / cpus));
    if (machine.by_capacity) tree.file(cpu_folder(cpu) + "cpu_capacity", fast ? "1024" : "400");
  }
  if (machine.efficiency_cores > 0 && !machine.by_capacity) {
    tree.file("sys/devices/cpu_core/cpus", list(0, performance - 1));
    tree.file("sys/devices/cpu_atom/cpus", list(performance, cpus - 1));
  }
  if (machine.allowed_cpus > 0 || *machine.quota != 0) {
    tree.file("proc/self/cgroup", "0::/box");
    tree.file("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
    const int allowed = machine.allowed_cpus > 0 ? machine.allowed_cpus : cpus;
    tree.file("sys/fs/cgroup/box/cpuset.cpus.effective", list(0, allowed - 1));
    if (*machine.quota != 0) tree.file("sys/fs/cgroup/box/cpu.max", machine.quota);
  }
  return cpus;
}

class KnownMachines : public testing::TestWithParam<KnownMachine> {};

TEST_P(KnownMachines, ComputeOnTheirFastPhysicalCores) {
  const KnownMachine& machine = GetParam();
  FixtureTree tree;
  const int cpus = fill(tree, machine);
  std::vector<int> all;
  for (int cpu = 0; cpu < cpus; ++cpu) all.push_back(cpu);
  const CpuTopology topology = read_topology({tree.root(), all});
  EXPECT_EQ(topology.online_cpus, cpus);
  EXPECT_EQ(topology.physical_cores, machine.expected_cores);
  EXPECT_EQ(topology.useful_threads(), machine.expected_threads);
}

INSTANTIATE_TEST_SUITE_P(All, KnownMachines,
                         testing::Values(KnownMachine{.name = "Core_i9_13900K",
                                                      .performance_cores = 8,
                                                      .threads_per_core = 2,
                                                      .efficiency_cores = 16,
                                                      .expected_threads = 8,
                                                      .expected_cores = 24},
                                         KnownMachine{.name = "Two_EPYC_9654",
                                                      .performance_cores = 192,
                                                      .threads_per_core = 2,
                                                      .packages = 2,
                                                      .expected_threads = 192,
                                                      .expected_cores = 192},
                                         KnownMachine{.name = "Ryzen_9_7950X",
                                                      .performance_cores = 16,
                                                      .threads_per_core = 2,
                                                      .expected_threads = 16,
                                                      .expected_cores = 16},
                                         KnownMachine{.name = "Laptop_with_hyperthreads",
                                                      .performance_cores = 4,
                                                      .threads_per_core = 2,
                                                      .expected_threads = 4,
                                                      .expected_cores = 4},
                                         KnownMachine{.name = "M3_Max_under_Linux",
                                                      .performance_cores = 12,
                                                      .efficiency_cores = 4,
                                                      .by_capacity = true,
                                                      .expected_threads = 12,
                                                      .expected_cores = 16},
                                         KnownMachine{.name = "Container_with_a_cpuset",
                                                      .performance_cores = 16,
                                                      .threads_per_core = 2,
                                                      .allowed_cpus = 6,
                                                      .expected_threads = 3,
                                                      .expected_cores = 3},
                                         KnownMachine{.name = "Container_with_a_quota",
                                                      .performance_cores = 16,
                                                      .threads_per_core = 2,
                                                      .quota = "250000 100000",
                                                      .expected_threads = 3,
                                                      .expected_cores = 16},
                                         KnownMachine{.name = "Cloud_machine_with_two_threads_of_one_core",
                                                      .performance_cores = 1,
                                                      .threads_per_core = 2,
                                                      .expected_threads = 1,
                                                      .expected_cores = 1}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace vivace
