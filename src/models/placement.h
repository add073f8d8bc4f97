// Which device holds what: indices into the engine's device list. Made by the planner, executed by the decoder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/tensor_roles.h"

namespace vivace {

struct Placement {
  int32_t embedding = 0;
  std::vector<int32_t> layers;        // [layers] attention and KV cache
  std::vector<int32_t> feed_forward;  // [layers], or empty: each with its attention
  int32_t output = 0;                 // final norm and logits
  bool kv_in_host = false;            // the KV cache lies in host memory, also of layers on devices with their own

  bool operator==(const Placement&) const = default;
  bool holds_attention(int32_t device) const { return std::find(layers.begin(), layers.end(), device) != layers.end(); }
  bool holds_feed_forward(int32_t device) const {
    const std::vector<int32_t>& all = feed_forward.empty() ? layers : feed_forward;
    return std::find(all.begin(), all.end(), device) != all.end();
  }
  /// Whether it computes anything.
  bool uses(int32_t device) const {
    return embedding == device || output == device || holds_attention(device) || holds_feed_forward(device);
  }

  int32_t feed_forward_of(size_t layer) const { return feed_forward.empty() ? layers[layer] : feed_forward[layer]; }
  /// Where a layer's tensor lies.
  int32_t device_of(size_t layer, TensorRole role) const {
    return is_feed_forward(role) ? feed_forward_of(layer) : layers[layer];
  }
};

}  // namespace vivace
