// Calls that stand for several neighbours: what devices that record steps may have kernels for.
#pragma once

#include <array>
#include <cstdint>

#include "device/ops.h"

namespace vivace {

/// An addition and the norm of its sum.
struct AddNormCall {
  AddArgs add;
  NormArgs norm;
};

/// What happens to the heads of one tensor before attention.
struct HeadsItem {
  Tensor x;  // [tokens, heads * head_dim], changed in place
  int32_t heads = 0;
  int32_t head_dim = 0;
  bool norm = false;  // RMS norm of each head
  Weight weight;      // [1, head_dim]; absent: ones
  float epsilon = 0;
  Tensor table;  // [tokens, rotary_dim]; absent: no rotation
  int32_t rotary_dim = 0;
  RopePairs pairs = RopePairs::kNeighbours;
};

/// Norm and rotation of the heads of one tensor, or of queries and keys.
struct HeadsCall {
  std::array<HeadsItem, 2> items;
  int32_t count = 0;
};

}  // namespace vivace
