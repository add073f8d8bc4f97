// What a GPU's memory and matrix units do in loops that do nothing else: the roofs that steps are compared with.
#pragma once

#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// Reads `bytes` once with all multiprocessors. `sink` is 4 bytes that the kernel may write.
void enqueue_reads(const Launch& launch, const uint8_t* memory, size_t bytes, float* sink);

/// Multiplies int8 (or f16) fragments in registers, `rounds` times in every warp of a full device; returns the
/// multiply-adds.
double enqueue_int8_products(const Launch& launch, int rounds, float* sink);
double enqueue_f16_products(const Launch& launch, int rounds, float* sink);

}  // namespace vivace::cuda
