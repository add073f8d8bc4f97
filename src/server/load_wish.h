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
  std::optional<GpuLayers> gpu_layers;
  std::optional<bool> kv_on_gpu;
  std::optional<std::chrono::seconds> ttl;  // idle time after which it is unloaded
  std::string instance;                     // wished id of the new instance; "": the key

  /// Whether it asks for more than a model as it is.
  bool has_levers() const { return context_length || batch_size || parallel || gpu_layers || kv_on_gpu; }
};

}  // namespace vivace
