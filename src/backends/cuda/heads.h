// What happens to the heads of queries and keys before attention, in one launch: RMS norm of each head, then rotation.
#pragma once

#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// One tensor's share.
struct HeadsItem {
  Tensor x;  // [tokens, heads * head_dim], changed in place
  int32_t heads = 0;
  int32_t head_dim = 0;
  bool norm = false;
  Weight weight;  // [1, head_dim]; absent: ones
  float epsilon = 0;
  Tensor table;  // [tokens, rotary_dim]; absent: no rotation
  int32_t rotary_dim = 0;
  RopePairs pairs = RopePairs::kNeighbours;
};

/// `count` is 1 or 2; rows are the step's tokens.
void enqueue_heads(const Launch& launch, const HeadsItem* items, int32_t count);

}  // namespace vivace::cuda
