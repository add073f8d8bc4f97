// The rig of operation checks on a device of its own, and comparisons that say where results differ.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "devices.h"
#include "gpu_check/op_rig.h"

namespace vivace::ops_test {

using gpu_check::Random;
using gpu_check::slice_rows;
using gpu_check::Values;

/// Fails with the index and both values when two results differ in any bit.
inline ::testing::AssertionResult same_bits(const Values& actual, const Values& expected) {
  if (actual.size() != expected.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::memcmp(&actual[i], &expected[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << "at " << i << ": " << actual[i] << " is not " << expected[i];
    }
  }
  return ::testing::AssertionSuccess();
}

/// |actual - expected| <= absolute + relative * |expected| everywhere.
inline ::testing::AssertionResult near_all(const Values& actual, const std::vector<double>& expected, double relative,
                                           double absolute) {
  if (actual.size() != expected.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < actual.size(); ++i) {
    // Written so that NaN fails.
    if (!(std::fabs(actual[i] - expected[i]) <= absolute + relative * std::fabs(expected[i]))) {
      return ::testing::AssertionFailure() << "at " << i << ": " << actual[i] << ", expected " << expected[i];
    }
  }
  return ::testing::AssertionSuccess();
}

/// Owns what the rig below works on: a base class before it, so that it lives longer.
struct OwnedDevice {
  std::unique_ptr<Device> owned;
};

/// A rig on a device of its own. What it finds wrong is thrown, which fails the test.
class Rig : private OwnedDevice, public gpu_check::OpRig {
 public:
  explicit Rig(const DeviceCase& device_case, const StepLimits& limits = {.tokens = 512, .outputs = 64})
      : OwnedDevice{device_case.make()}, OpRig(*owned, limits) {}
};

/// Fixture of the tests that run once on every device.
class OnDevice : public ::testing::TestWithParam<DeviceCase> {};

inline std::string device_name(const ::testing::TestParamInfo<DeviceCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

}  // namespace vivace::ops_test
