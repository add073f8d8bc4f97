// Which model a request means, and how it wants it loaded where it is not yet.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "plan/plan.h"

namespace vivace {

struct LoadWish {
  std::string model;  // a key, an instance's id, a file; "": the one that is loaded
  std::optional<int32_t> context_length, batch_size, parallel;
  std::optional<LayerCount> gpu_layers, cpu_ffn;
  std::optional<bool> kv_on_gpu;
  std::optional<std::chrono::seconds> ttl;  // idle time after which it is unloaded
  std::string instance;                     // wished id of the new instance; "": the key

  /// Puts what it says in the place of what was wished before.
  void apply(Wishes& wishes) const {
    if (context_length) wishes.context_length = context_length;
    if (batch_size) wishes.batch_size = batch_size;
    if (parallel) wishes.parallel = parallel;
    if (gpu_layers) wishes.gpu_layers = gpu_layers;
    if (cpu_ffn) wishes.cpu_ffn = cpu_ffn;
    if (kv_on_gpu) wishes.kv_on_gpu = *kv_on_gpu;
  }
};

}  // namespace vivace
