#include "device/fault.h"

#include <charconv>
#include <string>

#include "base/error.h"

namespace vivace {
namespace {

constexpr std::string_view kNames[kDeviceCalls] = {"allocate", "map", "submit", "wait"};

[[noreturn]] void refuse(std::string_view part) {
  throw Error(ErrorCode::kInvalidArgument, "\"" + std::string(part) + "\" names no device call to fail",
              "write CALL:N or CALL:N+, CALL being allocate, map, submit or wait and N the first call that fails");
}

void parse_row(std::string_view part, DeviceFaultPlan& plan) {
  const size_t colon = part.find(':');
  if (colon == std::string_view::npos) refuse(part);
  std::string_view number = part.substr(colon + 1);
  DeviceFaultPlan::Row row;
  if (number.ends_with('+')) {
    row.onwards = true;
    number.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), row.first);
  if (error != std::errc{} || end != number.data() + number.size() || row.first < 1) refuse(part);
  for (int call = 0; call < kDeviceCalls; ++call) {
    if (part.substr(0, colon) != kNames[call]) continue;
    plan.rows[call] = row;
    return;
  }
  refuse(part);
}

}  // namespace

DeviceFaultPlan parse_device_faults(std::string_view text) {
  DeviceFaultPlan plan;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    parse_row(text.substr(0, comma), plan);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return plan;
}

bool DeviceFaults::fails(DeviceCall call) {
  const DeviceFaultPlan::Row& row = plan_.rows[size_t(call)];
  const int64_t count = ++counts_[size_t(call)];
  return row.first > 0 && (count == row.first || (row.onwards && count > row.first));
}

}  // namespace vivace
