// Devices by name.
#include "backends/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace vivace {
namespace {

TEST(Registry, PretendsSeveralDevices) {
  ThreadPool pool(2);
  DeviceOptions options;
  options.pretend_cpu_devices = 3;
  options.memory_usable = 300;
  options.gpus = false;
  const auto devices = open_devices(options, pool);
  ASSERT_EQ(devices.size(), 3u);
  EXPECT_EQ(devices[0]->info().id, "cpu");
  EXPECT_EQ(devices[2]->info().id, "cpu2");
  EXPECT_EQ(devices[1]->info().memory_usable, 100u);
  EXPECT_EQ(open_device("cpu1", options, pool)->info().id, "cpu1");
}

TEST(Registry, OpensTheOracleByNameOnly) {
  ThreadPool pool(1);
  DeviceOptions options;
  options.gpus = false;
  EXPECT_EQ(open_devices(options, pool).size(), 1u);
  EXPECT_EQ(open_device("reference", {}, pool)->info().id, "reference");
  const auto names = device_names({});
  EXPECT_NE(std::find(names.begin(), names.end(), "reference"), names.end());
}

TEST(Registry, NamesTheGpusWhereOneIsUnknown) {
  ThreadPool pool(1);
  DeviceOptions options;
  options.chosen = {"vulkan7"};
  try {
    open_devices(options, pool);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("vulkan7"), std::string::npos);
  }
}

TEST(Registry, SoftwareIsOpenedByNameOnly) {
  ThreadPool pool(1);
  for (const auto& device : open_devices({}, pool)) EXPECT_NE(device->info().kind, DeviceKind::kSoftware);
}

TEST(Registry, NamesTheDevicesWhereOneIsUnknown) {
  ThreadPool pool(1);
  try {
    open_device("cpu1", {}, pool);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.hint().find("reference"), std::string::npos);
  }
}

}  // namespace
}  // namespace vivace
