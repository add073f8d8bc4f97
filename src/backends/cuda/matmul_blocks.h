// Matmul by weights in blocks, one instantiation per format. They are spread over several .cu files, so that they
// compile side by side.
#pragma once

#include "backends/cuda/launch.h"
#include "backends/cuda/matmul_items.h"

namespace vivace::cuda {

/// Enqueues the product of the items, all in the unpacker's format; fills in their end_block.
template <class Unpacker>
void enqueue_matmul_blocks(const Launch& launch, MatmulItems& items);

/// The same for weights in two formats, at most kVecTokens tokens; those of the second say so.
template <class First, class Second>
void enqueue_matmul_pair(const Launch& launch, MatmulItems& items);

/// The same for F16 and BF16.
template <Format kFormat>
void enqueue_matmul_halves(const Launch& launch, MatmulItems& items);

/// The same for F32, which reads f32 inputs, `stride` values from one row to the next.
void enqueue_matmul_f32(const Launch& launch, MatmulItems& items, const float* input, int32_t stride);

}  // namespace vivace::cuda
