// The weights of a loaded model, by role: what the loader fills and the decoder reads.
#pragma once

#include <array>
#include <vector>

#include "device/tensor.h"
#include "models/tensor_roles.h"

namespace vivace {

/// Absent tensors have a null buffer.
struct LayerWeights {
  std::array<Weight, kTensorRoles> by_role;

  const Weight& operator[](TensorRole role) const { return by_role[static_cast<size_t>(role)]; }
  Weight& operator[](TensorRole role) { return by_role[static_cast<size_t>(role)]; }
};

struct ModelWeights {
  LayerWeights common;               // roles outside the layers; kOutput is set also where the output is tied
  std::vector<LayerWeights> layers;  // [layers]
  /// Frequencies of each rope on each device with layers: [ropes][devices], Weight [1, rotary_dim / 2] in F32.
  std::vector<std::vector<Weight>> rope_frequencies;
};

}  // namespace vivace
