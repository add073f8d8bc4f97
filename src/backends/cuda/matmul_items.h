// What a matmul kernel is told: weights that share an input, side by side in one grid, all in one format or, where a
// kernel for the pair exists, in two.
#pragma once

#include <cstdint>

#include "backends/cuda/prepared.h"

namespace vivace::cuda {

struct MatmulWeight {
  const uint8_t* data;  // [rows] of row_bytes, in the file's order
  const float* bias;    // [rows] or null
  float* output;        // [tokens, rows]
  int32_t rows;
  int32_t output_stride;  // values
  int32_t end_block;      // blocks of the grid's x axis below this one work for this weight or those before
  int64_t row_bytes;
  bool in_second_format;
};

struct MatmulItems {
  MatmulWeight weights[4];
  int32_t count;
  int32_t columns;
  PreparedView input;
  const int32_t* tokens;  // how many rows of the input count, on the device
  int32_t bucket;         // most it may be
};

/// The weight that this block works for, and the block's place among that weight's.
struct MatmulPlace {
  int weight, block;
};

VIVACE_DEVICE MatmulPlace find_weight(const MatmulItems& items, int block) {
  int weight = 0;
  while (weight + 1 < items.count && block >= items.weights[weight].end_block) ++weight;
  return {weight, block - (weight > 0 ? items.weights[weight - 1].end_block : 0)};
}

}  // namespace vivace::cuda
