// Which device it was: errors that a placement can answer by using less of the device, or none of it.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"
#include "device/device.h"

namespace vivace {

/// kOutOfMemory or kDeviceLost of one device.
class DeviceError : public Error {
 public:
  DeviceError(const Error& error, std::string device) : Error(error), device_(std::move(device)) {}

  /// DeviceInfo::id.
  const std::string& device() const { return device_; }

 private:
  std::string device_;
};

/// Returns call(); such errors leave it with the device's name.
template <class Call>
decltype(auto) on_device(const Device& device, const Call& call) {
  try {
    return call();
  } catch (const DeviceError&) {
    throw;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory && error.code() != ErrorCode::kDeviceLost) throw;
    throw DeviceError(error, device.info().id);
  }
}

}  // namespace vivace
