// Memory limits on trees that look like bare machines and containers of both cgroup versions.
#include "base/os/memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/os/fixture_tree.h"
#include "base/os/memory_pressure.h"
#include "base/os/proc_files.h"

namespace vivace {
namespace {

constexpr const char* kMeminfo = "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:    8000000 kB";
constexpr const char* kMountV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw";
constexpr int64_t kKib = 1024;

TEST(MemoryPressure, TheOwnGroupCountsElseTheMachine) {
  FixtureTree tree;
  EXPECT_FALSE(memory_stall_seconds(tree.root()));
  const std::string full = "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9";
  tree.file("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000" + full);
  EXPECT_EQ(memory_stall_seconds(tree.root()), 2.5);
  tree.file("proc/self/mountinfo", kMountV2).file("proc/self/cgroup", "0::/user/job");
  EXPECT_EQ(memory_stall_seconds(tree.root()), 2.5) << "a group that does not say";
  tree.file("sys/fs/cgroup/user/job/memory.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=125000" + full);
  EXPECT_EQ(memory_stall_seconds(tree.root()), 0.125);
  tree.file("sys/fs/cgroup/user/job/memory.pressure", "nonsense");
  EXPECT_EQ(memory_stall_seconds(tree.root()), 2.5);
}

TEST(Memory, WithoutGroupsTheMachineIsTheLimit) {
  FixtureTree tree;
  tree.file("proc/meminfo", kMeminfo);
  const MemoryInfo info = read_memory_info(tree.root());
  EXPECT_EQ(info.total, 16000000 * kKib);
  EXPECT_EQ(info.available, 8000000 * kKib);
  EXPECT_FALSE(info.limit.has_value());
  EXPECT_EQ(info.usable_total, info.total);
  EXPECT_EQ(info.usable_now, info.available);
}

TEST(Memory, AParentGroupOfVersion2Limits) {
  FixtureTree tree;
  tree.file("proc/meminfo", kMeminfo).file("proc/self/mountinfo", kMountV2).file("proc/self/cgroup", "0::/user/job");
  tree.file("sys/fs/cgroup/user/job/memory.max", "max").file("sys/fs/cgroup/user/memory.max", "4294967296");
  tree.file("sys/fs/cgroup/user/memory.current", "3221225472");
  tree.file("sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 1073741824\nactive_file 5");
  const MemoryInfo info = read_memory_info(tree.root());
  EXPECT_EQ(info.limit, int64_t{4} << 30);
  EXPECT_EQ(info.usable_total, int64_t{4} << 30);
  EXPECT_EQ(info.usable_now, int64_t{2} << 30) << "inactive file pages can be reclaimed";
}

TEST(Memory, AContainerOfVersion1SeesItsGroupAtTheMountPoint) {
  FixtureTree tree;
  tree.file("proc/meminfo", kMeminfo).file("proc/self/cgroup", "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab");
  tree.file("proc/self/mountinfo", "31 23 0:27 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory");
  tree.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824");
  tree.file("sys/fs/cgroup/memory/memory.usage_in_bytes", "2073741824");
  const MemoryInfo info = read_memory_info(tree.root());
  EXPECT_EQ(info.limit, int64_t{1} << 30);
  EXPECT_EQ(info.usable_now, 0);
}

TEST(Memory, TheUnlimitedValueOfVersion1IsNoLimit) {
  FixtureTree tree;
  tree.file("proc/meminfo", kMeminfo).file("proc/self/cgroup", "4:memory:/");
  tree.file("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory");
  tree.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_FALSE(read_memory_info(tree.root()).limit.has_value());
}

TEST(Memory, AnEmptyTreeGivesZeros) {
  FixtureTree tree;
  EXPECT_EQ(read_memory_info(tree.root()).usable_total, 0);
  EXPECT_EQ(read_process_memory(tree.root()).resident, 0);
}

TEST(Memory, ProcessFields) {
  FixtureTree tree;
  tree.file("proc/self/status", "Name:\tx\nVmHWM:\t  500 kB\nVmRSS:\t  400 kB\nRssAnon:\t 300 kB\nRssFile:\t 100 kB");
  const ProcessMemory memory = read_process_memory(tree.root());
  EXPECT_EQ(memory.peak_resident, 500 * kKib);
  EXPECT_EQ(memory.resident, 400 * kKib);
  EXPECT_EQ(memory.anonymous, 300 * kKib);
  EXPECT_EQ(memory.file, 100 * kKib);
}

TEST(Memory, ThisMachineAndProcessMakeSense) {
  const MemoryInfo info = read_memory_info();
  EXPECT_GT(info.total, 0);
  EXPECT_GE(info.total, info.usable_total);
  EXPECT_GE(info.usable_total, 0);
  EXPECT_LE(info.usable_now, info.available);
  const ProcessMemory memory = read_process_memory();
  EXPECT_GT(memory.resident, 0);
  EXPECT_GE(memory.peak_resident, memory.anonymous);
}

TEST(ProcFiles, CpuLists) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (std::vector<int>{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list("5,1,1"), (std::vector<int>{1, 5}));
  EXPECT_TRUE(parse_cpu_list("").empty());
  EXPECT_TRUE(parse_cpu_list("x,-,3-x,0-2000000000").empty());
}

TEST(ProcFiles, IntegersAndSizes) {
  FixtureTree tree;
  tree.file("a", "32K").file("b", "1M").file("c", "-1").file("d", "max").file("e", "99999999999999999999");
  tree.file("f", "9000000000000000000G");
  EXPECT_EQ(read_integer(tree.root() / "a"), 32768);
  EXPECT_EQ(read_integer(tree.root() / "b"), 1048576);
  EXPECT_EQ(read_integer(tree.root() / "c"), -1);
  for (const char* name : {"d", "e", "f", "missing"})
    EXPECT_FALSE(read_integer(tree.root() / name).has_value()) << name;
}

}  // namespace
}  // namespace vivace
