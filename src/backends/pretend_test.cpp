#include "backends/pretend.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace vivace {
namespace {

TEST(Pretence, IsReadFromThreeTexts) {
  const DevicePretence none = parse_pretence("", "", "");
  EXPECT_EQ(none.devices, 1);
  EXPECT_FALSE(none.memory_of("vulkan0"));
  const DevicePretence some = parse_pretence("3", "vulkan0:96MiB,cuda1:2GiB,cuda0:0", "map:1");
  EXPECT_EQ(some.devices, 3);
  EXPECT_EQ(some.memory_of("vulkan0"), size_t{96} << 20);
  EXPECT_EQ(some.memory_of("cuda1"), size_t{2} << 30);
  EXPECT_EQ(some.memory_of("cuda0"), size_t{0});
  EXPECT_TRUE(DeviceFaults(some.faults).fails(DeviceCall::kMap));
}

TEST(Pretence, RefusesOtherTexts) {
  const auto refused = [](const char* devices, const char* memory) {
    try {
      parse_pretence(devices, memory, "");
    } catch (const Error& error) {
      return error.code() == ErrorCode::kInvalidArgument;
    }
    return false;
  };
  for (const char* devices : {"0", "-1", "17", "3x", "x"}) EXPECT_TRUE(refused(devices, "")) << devices;
  for (const char* memory : {"vulkan0", ":1GiB", "vulkan0:", "vulkan0:-1", "vulkan0:1parsec", "a:1,,b:2"}) {
    EXPECT_TRUE(refused("", memory)) << memory;
  }
}

}  // namespace
}  // namespace vivace
