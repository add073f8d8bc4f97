// Faults on purpose: the n-th call of a kind to a device's driver fails as the driver would fail it, so that tests see
// what happens then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace vivace {

enum class DeviceCall : uint8_t { kAllocate, kMap, kSubmit, kWait };
constexpr int kDeviceCalls = 4;

/// What is to fail: nothing by default. A value; DeviceOptions carry it.
struct DeviceFaultPlan {
  struct Row {
    int64_t first = 0;  // the first call that fails, from 1 on; 0: none
    bool onwards = false;
  };
  std::array<Row, kDeviceCalls> rows{};
};

/// "allocate:3" the third allocation, "submit:2+" all submits from the second on; several joined by commas. The calls
/// are allocate, map, submit, wait. Throws Error kInvalidArgument.
DeviceFaultPlan parse_device_faults(std::string_view text);

/// Counts a device's calls. Thread-safe.
class DeviceFaults {
 public:
  explicit DeviceFaults(const DeviceFaultPlan& plan = {}) : plan_(plan) {}

  /// Counts the call; true: it has to fail.
  bool fails(DeviceCall call);

 private:
  DeviceFaultPlan plan_;
  std::array<std::atomic<int64_t>, kDeviceCalls> counts_{};
};

}  // namespace vivace
