// The one list of devices that the operation tests run on.
#pragma once

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/tested_isas.h"
#include "base/thread_pool.h"
#include "device/reference/reference_device.h"
#include "gpu_check/op_samples.h"
#if defined(VIVACE_CUDA_EMULATED)
#include "backends/cuda/emulator/emulated_device.h"
#endif
#if defined(VIVACE_VULKAN)
#include <gtest/gtest.h>

#include <iostream>

#include "backends/vulkan/vulkan_device.h"
#endif

namespace vivace::ops_test {

struct DeviceCase {
  std::string name;
  bool oracle = false;  // plain f32 arithmetic and reference rounding: the tight bounds apply
  int32_t threads = 1;  // most threads worth trying
  bool gpu = false;     // weights lie in rows only; bits depend on the bucket of a step's tokens, a power of two
  std::function<std::unique_ptr<Device>()> make;

  /// The layouts that it reads weights of a format in.
  std::vector<Layout> layouts(Format format) const {
    return gpu ? std::vector<Layout>{Layout::kRows} : gpu_check::layouts_of(format);
  }
  /// At least `tokens`: steps of so many tokens give a token the bits that one of `tokens` does; at most `all`.
  int32_t tokens_of_same_bits(int32_t tokens, int32_t all) const {
    return gpu ? std::min(all, int32_t(std::bit_ceil(uint32_t(tokens)))) : all;
  }
};

inline void PrintTo(const DeviceCase& device, std::ostream* out) { *out << device.name; }

#if defined(VIVACE_VULKAN)
/// The first Vulkan device, with the validation layer on: what that says fails the test. Devices of one GPU share its
/// compiled shaders.
inline std::unique_ptr<Device> make_tested_vulkan_device() {
  static const std::shared_ptr<vulkan::Gpu> gpu = [] {
    vulkan::GpuOptions options;
    options.validation = [](const std::string& message) { ADD_FAILURE() << message; };
    return vulkan::Gpu::open(options);
  }();
  return vulkan::make_vulkan_device(gpu, {});
}
#endif

inline std::vector<DeviceCase> device_cases() {
  std::vector<DeviceCase> cases;
  cases.push_back({"reference", true, 1, false, [] { return make_reference_device(); }});
  constexpr int kThreads = 3;
  for (const std::string& isa : tested_isas()) {
    cases.push_back({"cpu_" + isa, false, kThreads, false, [isa] {
                       static ThreadPool pool(kThreads);  // at the first use: not while tests are only listed
                       return make_cpu_device({.isa = isa}, pool);
                     }});
  }
#if defined(VIVACE_CUDA_EMULATED)
  cases.push_back({"cuda_emulated", false, 1, true, [] { return make_emulated_cuda_device(); }});
#endif
#if defined(VIVACE_VULKAN)
  if (vulkan::list_gpus().empty()) {
    std::cout << "did not run: there is no Vulkan device (Debian: mesa-vulkan-drivers)\n";
  } else {
    cases.push_back({"vulkan", false, 1, true, make_tested_vulkan_device});
  }
#endif
  return cases;
}

}  // namespace vivace::ops_test
