// Loads models for tests: every backend and instruction set of this machine by name, temporary folders, whole texts to
// logits.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/tested_isas.h"
#include "device/reference/reference_device.h"
#include "engine/loaded_model.h"
#include "engine/score.h"
#include "models/model_file.h"
#include "plan/plan.h"
#if defined(VIVACE_CUDA_EMULATED)
#include "backends/cuda/emulator/emulated_device.h"
#endif
#if defined(VIVACE_VULKAN)
#include <gtest/gtest.h>

#include <iostream>

#include "backends/vulkan/vulkan_device.h"
#endif

namespace vivace::test {

/// A folder of its own, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("vivace-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A kind of device to test on.
struct Backend {
  std::string name;    // "reference", "cpu_avx2", ...
  bool exact = false;  // plain f32 arithmetic: no quantised activations
  std::function<std::unique_ptr<Device>(ThreadPool& pool, const std::string& id)> open;
  bool gpu = false;  // bits of a step depend on its bucket of tokens, on nothing else of its batch
};

inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

inline std::vector<Backend> backends() {
  std::vector<Backend> all;
  all.push_back(
      {"reference", true, [](ThreadPool&, const std::string& id) { return make_reference_device(id); }, false});
  for (const std::string& isa : tested_isas()) {
    all.push_back({"cpu_" + isa, false,
                   [isa](ThreadPool& pool, const std::string& id) {
                     CpuOptions options;
                     options.id = id;
                     options.isa = isa;
                     options.huge_pages = false;
                     return make_cpu_device(options, pool);
                   },
                   false});
  }
  return all;
}

#if defined(VIVACE_VULKAN)
/// The first Vulkan device, with the validation layer on: what that says fails the test. Devices of one GPU share its
/// compiled shaders.
inline std::unique_ptr<Device> make_tested_vulkan_device(const vulkan::VulkanOptions& options) {
  static const std::shared_ptr<vulkan::Gpu> gpu = [] {
    vulkan::GpuOptions wanted;
    wanted.validation = [](const std::string& message) { ADD_FAILURE() << message; };
    return vulkan::Gpu::open(wanted);
  }();
  return vulkan::make_vulkan_device(gpu, options);
}

inline bool has_vulkan_device() {
  static const bool has = [] {
    if (!vulkan::list_gpus().empty()) return true;
    std::cout << "did not run: there is no Vulkan device (Debian: mesa-vulkan-drivers)\n";
    return false;
  }();
  return has;
}
#endif

/// The same and the GPU backends that run here without a GPU; the suite links them (suite.cmake).
inline std::vector<Backend> backends_and_gpus() {
  std::vector<Backend> all = backends();
#if defined(VIVACE_CUDA_EMULATED)
  all.push_back(
      {"cuda_emulated", false, [](ThreadPool&, const std::string& id) { return make_emulated_cuda_device(id); }, true});
#endif
#if defined(VIVACE_VULKAN)
  if (has_vulkan_device()) {
    all.push_back({"vulkan", false,
                   [](ThreadPool&, const std::string& id) {
                     vulkan::VulkanOptions options;
                     options.id = id;
                     return make_tested_vulkan_device(options);
                   },
                   true});
  }
#endif
  return all;
}

/// Devices of one backend and the pool they run on.
struct Rig {
  explicit Rig(const Backend& backend, int threads = 2, int count = 1) : pool(threads) {
    for (int i = 0; i < count; ++i) devices.push_back(backend.open(pool, "device" + std::to_string(i)));
    for (const auto& device : devices) pointers.push_back(device.get());
    host.physical_cores = threads;
    host.logical_cores = threads;
  }

  std::unique_ptr<LoadedModel> load(const std::filesystem::path& path, const Wishes& wishes,
                                    AccessMode mode = AccessMode::kMap, const std::function<void(Plan&)>& change = {}) {
    const GgufFile file = open_model_file(path, mode);
    ModelCard card = read_model_card(file);
    Plan plan = make_plan(card, pointers, host, wishes);
    if (change) change(plan);
    return load_model(file, std::move(card), std::move(plan), pointers, pool);
  }

  ThreadPool pool;
  HostFacts host;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Device*> pointers;
};

/// Wishes for scoring `tokens` tokens in steps of `batch`.
inline Wishes score_wishes(int32_t tokens, int32_t batch, Format kv = Format::kF32) {
  Wishes wishes;
  wishes.context_length = tokens;
  wishes.batch_size = batch;
  wishes.outputs = batch;
  wishes.kv_format = kv;
  return wishes;
}

/// Logits after each token: [tokens * vocabulary].
inline std::vector<float> all_logits(const LoadedModel& model, const std::vector<TokenId>& tokens) {
  std::vector<float> logits;
  logits.reserve(tokens.size() * size_t(model.card.vocabulary));
  score_tokens(model, tokens,
               [&](int32_t, std::span<const float> row) { logits.insert(logits.end(), row.begin(), row.end()); });
  return logits;
}

inline std::vector<TokenId> random_tokens(int32_t count, int32_t vocabulary, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TokenId> tokens;
  for (int32_t i = 0; i < count; ++i) tokens.push_back(TokenId(random() % uint64_t(vocabulary)));
  return tokens;
}

}  // namespace vivace::test
