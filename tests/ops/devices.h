// The one list of devices that the operation tests run on.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/detect.h"
#include "base/thread_pool.h"
#include "device/reference/reference_device.h"
#if defined(VIVACE_CUDA_EMULATED)
#include "backends/cuda/emulator/emulated_device.h"
#endif

namespace vivace::ops_test {

struct DeviceCase {
  std::string name;
  bool oracle = false;  // plain f32 arithmetic and reference rounding: the tight bounds apply
  int32_t threads = 1;  // most threads worth trying
  std::function<std::unique_ptr<Device>()> make;
};

inline void PrintTo(const DeviceCase& device, std::ostream* out) { *out << device.name; }

inline std::vector<DeviceCase> device_cases() {
  std::vector<DeviceCase> cases;
  cases.push_back({"reference", true, 1, [] { return make_reference_device(); }});
  constexpr int kThreads = 3;
  for (const std::string& isa : available_isas()) {
    cases.push_back({"cpu_" + isa, false, kThreads, [isa] {
                       static ThreadPool pool(kThreads);  // at the first use: not while tests are only listed
                       return make_cpu_device({.isa = isa}, pool);
                     }});
  }
#if defined(VIVACE_CUDA_EMULATED)
  cases.push_back({"cuda_emulated", false, 1, [] { return make_emulated_cuda_device(); }});
#endif
  return cases;
}

}  // namespace vivace::ops_test
