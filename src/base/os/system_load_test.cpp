// Counters read from trees that look like /proc and /sys.
#include "base/os/system_load.h"

#include <gtest/gtest.h>

#include "base/os/fixture_tree.h"

namespace vivace {
namespace {

TEST(SystemLoad, ReadsTheCountersOfATree) {
  FixtureTree tree;
  tree.file("proc/stat",
            "cpu  1000 100 200 5000 10 5 5 300 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nctxt 5");
  tree.file("proc/self/stat", "7 (a (b) c) R 1 2 3 4 5 6 70 80 42 90 250 50 0 0");
  tree.file("proc/self/io", "rchar: 1\nread_bytes: 8192\nwrite_bytes: 3");
  tree.file("proc/vmstat", "nr_free_pages 5\npswpin 77\npswpout 3");
  for (const char* cpu : {"0", "1"}) {
    const std::string folder = std::string("sys/devices/system/cpu/cpu") + cpu + "/cpufreq/";
    tree.file(folder + "scaling_cur_freq", "1500000").file(folder + "cpuinfo_max_freq", "3000000");
  }
  const SystemLoad load = read_system_load(tree.root());
  EXPECT_DOUBLE_EQ(load.busy_seconds, 13.10);
  EXPECT_DOUBLE_EQ(load.stolen_seconds, 3.0);
  EXPECT_DOUBLE_EQ(load.own_seconds, 3.0);
  EXPECT_EQ(load.cpus, 2);
  EXPECT_EQ(load.major_faults, 42);
  EXPECT_EQ(load.disk_bytes, 8192);
  EXPECT_EQ(load.swapped_pages, 77);
  EXPECT_EQ(load.clock_khz, 1500000);
  EXPECT_EQ(load.most_clock_khz, 3000000);
}

TEST(SystemLoad, AnEmptyTreeGivesZeros) {
  FixtureTree tree;
  const SystemLoad load = read_system_load(tree.root());
  EXPECT_EQ(load.busy_seconds, 0);
  EXPECT_EQ(load.cpus, 0);
  EXPECT_EQ(load.clock_khz, 0);
  EXPECT_GT(load.wall_seconds, 0);
}

TEST(SystemLoad, OwnTimeGoesOn) {
  const SystemLoad before = read_system_load();
  volatile double sink = 0;
  while (read_system_load().wall_seconds < before.wall_seconds + 0.1) sink = sink + 1;
  const SystemLoad after = read_system_load();
  EXPECT_GT(after.own_seconds, before.own_seconds);
}

}  // namespace
}  // namespace vivace
