// The CPU and GPUs that play several or small ones, and models split between them.
#pragma once

#include <gtest/gtest.h>

#include "../support/model_rig.h"
#include "device/fault.h"
#include "engine/model_source.h"

namespace vivace::test {

/// More tokens, more splits: make test-full.
inline bool is_thorough() { return std::getenv("VIVACE_THOROUGH") != nullptr; }

/// The CPU first, then GPUs of the first Vulkan device.
struct OffloadRig {
  explicit OffloadRig(int gpus = 1, std::optional<size_t> memory = {}, const DeviceFaultPlan& faults = {}) : pool(2) {
    CpuOptions cpu;
    cpu.huge_pages = false;
    devices.push_back(make_cpu_device(cpu, pool));
#if defined(VIVACE_VULKAN)
    for (int i = 0; i < gpus; ++i) {
      vulkan::VulkanOptions options;
      options.id = "vulkan" + std::to_string(i);
      options.memory = memory;
      options.shared_by = gpus;
      options.faults = faults;
      devices.push_back(make_tested_vulkan_device(options));
    }
#endif
    for (const auto& device : devices) pointers.push_back(device.get());
    host.physical_cores = host.logical_cores = 2;
  }

  /// `wishes` for these devices, whatever their kind.
  ModelSource source(const std::filesystem::path& path, Wishes wishes) {
    GgufFile file = open_model_file(path, AccessMode::kMap);
    ModelCard card = read_model_card(file);
    wishes.devices_named = true;
    return ModelSource(std::move(file), std::move(card), pointers, host, pool, std::move(wishes),
                       [this](const std::string& note) { notes.push_back(note); });
  }

  ThreadPool pool;
  HostFacts host;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Device*> pointers;
  std::vector<std::string> notes;
};

/// Runs a body where there is a Vulkan device.
class Offload : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(VIVACE_VULKAN)
    if (!has_vulkan_device()) GTEST_SKIP() << "did not run: there is no Vulkan device";
#else
    GTEST_SKIP() << "did not run: this build has no Vulkan backend";
#endif
  }
};

inline std::vector<float> logits_of(ModelSource& source, const std::vector<TokenId>& tokens) {
  std::vector<float> logits;
  score_tokens(source.model(), source.runner(), tokens,
               [&](int32_t, std::span<const float> row) { logits.insert(logits.end(), row.begin(), row.end()); });
  return logits;
}

inline Wishes gpu_wishes(int32_t tokens, std::optional<int32_t> layers = {}) {
  Wishes wishes = score_wishes(tokens, tokens, Format::kF16);
  if (layers) {
    wishes.gpu_layers.emplace();
    wishes.gpu_layers->count = *layers;
  }
  return wishes;
}

}  // namespace vivace::test
