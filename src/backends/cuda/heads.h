// What happens to the heads of queries and keys before attention, in one launch: RMS norm of each head, then rotation.
#pragma once

#include "backends/cuda/launch.h"
#include "device/fused_calls.h"

namespace vivace::cuda {

/// `count` is 1 or 2; rows are the step's tokens.
void enqueue_heads(const Launch& launch, const HeadsItem* items, int32_t count);

}  // namespace vivace::cuda
