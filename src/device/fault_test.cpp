#include "device/fault.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace vivace {
namespace {

/// Which of the first calls fail, as a row of . and x.
std::string first_calls(DeviceFaults& faults, DeviceCall call, int count) {
  std::string row;
  for (int i = 0; i < count; ++i) row += faults.fails(call) ? 'x' : '.';
  return row;
}

TEST(DeviceFaults, FailTheNthCallOfAKind) {
  DeviceFaults faults(parse_device_faults("allocate:3,submit:2+"));
  EXPECT_EQ(first_calls(faults, DeviceCall::kAllocate, 5), "..x..");
  EXPECT_EQ(first_calls(faults, DeviceCall::kSubmit, 4), ".xxx");
  EXPECT_EQ(first_calls(faults, DeviceCall::kWait, 3), "...");
  EXPECT_EQ(first_calls(faults, DeviceCall::kMap, 3), "...");
  DeviceFaults none(parse_device_faults(""));
  EXPECT_EQ(first_calls(none, DeviceCall::kAllocate, 3), "...");
}

TEST(DeviceFaults, RefuseWhatTheyDontKnow) {
  for (const char* text : {"allocate", "allocate:", "allocate:0", "allocate:-1", "allocate:1x", "free:1", ":1",
                           "map:1,,", "wait:99999999999999999999"}) {
    try {
      parse_device_faults(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
      EXPECT_FALSE(error.hint().empty());
    }
  }
}

}  // namespace
}  // namespace vivace
