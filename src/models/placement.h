// Which device holds what: indices into the engine's device list. Made by the planner, executed by the decoder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace vivace {

struct Placement {
  int32_t embedding = 0;
  std::vector<int32_t> layers;  // [layers]
  int32_t output = 0;           // final norm and logits
  bool kv_in_host = false;      // the KV cache lies in host memory, also of layers on devices with their own

  bool operator==(const Placement&) const = default;
  bool holds_layers(int32_t device) const { return std::find(layers.begin(), layers.end(), device) != layers.end(); }
};

}  // namespace vivace
