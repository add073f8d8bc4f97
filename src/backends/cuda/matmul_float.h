// Matmul by weights that are plain floats: F32 with any number of tokens, F16 and BF16 with few. A warp takes
// kFloatRows rows and kFloatTokens tokens; its lanes share out the columns, so each output is one sum in a fixed order.
#pragma once

#include "backends/cuda/device_math.h"
#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/matmul_items.h"

namespace vivace::cuda {

constexpr int kFloatWarps = 8;
constexpr int kFloatRows = 2;
constexpr int kFloatTokens = 8;

struct FloatInput {
  const float* values;  // [tokens, columns] or null: the bf16 form
  int32_t stride;       // values
};

/// Eight consecutive values of a row, zeros beyond `columns`. kWide: rows are aligned to eight values.
template <Format kFormat, bool kWide>
VIVACE_DEVICE void load_eight(const uint8_t* row, int column, int columns, float (&out)[8]) {
  if constexpr (kFormat == Format::kF32) {
    const float* values = reinterpret_cast<const float*>(row) + column;
    if constexpr (kWide) {
      const float4 first = *reinterpret_cast<const float4*>(values),
                   second = *reinterpret_cast<const float4*>(values + 4);
      out[0] = first.x, out[1] = first.y, out[2] = first.z, out[3] = first.w;
      out[4] = second.x, out[5] = second.y, out[6] = second.z, out[7] = second.w;
    } else {
#pragma unroll
      for (int i = 0; i < 8; ++i) out[i] = column + i < columns ? values[i] : 0.0f;
    }
  } else {
    const uint16_t* values = reinterpret_cast<const uint16_t*>(row) + column;
    uint32_t pairs[4];
    if constexpr (kWide) {
      const uint4 all = *reinterpret_cast<const uint4*>(values);
      pairs[0] = all.x, pairs[1] = all.y, pairs[2] = all.z, pairs[3] = all.w;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        pairs[i] = column + 2 * i < columns ? values[2 * i] : 0;
        if (column + 2 * i + 1 < columns) pairs[i] |= static_cast<uint32_t>(values[2 * i + 1]) << 16;
      }
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const uint16_t value = static_cast<uint16_t>(pairs[i / 2] >> (i % 2 * 16));
      out[i] = kFormat == Format::kF16 ? half_to_float(value) : bits_to_float(static_cast<uint32_t>(value) << 16);
    }
  }
}

/// Sixteen columns of the bf16 form, which keeps pairs in an order of its own.
VIVACE_DEVICE void load_prepared(const uint16_t* halves, float (&out)[16]) {
  const uint4 even = *reinterpret_cast<const uint4*>(halves), odd = *reinterpret_cast<const uint4*>(halves + 8);
  const uint32_t pairs[8] = {even.x, odd.x, even.y, odd.y, even.z, odd.z, even.w, odd.w};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float2 values = unpack_bf16(pairs[i]);
    out[2 * i] = values.x, out[2 * i + 1] = values.y;
  }
}

template <Format kFormat, bool kWide>
VIVACE_DEVICE void load_sixteen(const uint8_t* row, int column, int columns, float (&out)[16]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float eight[8] = {};
    if (!kWide || column + 8 * half < columns) load_eight<kFormat, kWide>(row, column + 8 * half, columns, eight);
#pragma unroll
    for (int i = 0; i < 8; ++i) out[8 * half + i] = eight[i];
  }
}

template <Format kFormat, bool kWide>
VIVACE_KERNEL(32 * kFloatWarps)
matmul_float_kernel(const VIVACE_GRID_CONSTANT MatmulItems items, FloatInput input) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int tokens = *items.tokens, first_token = static_cast<int>(blockIdx.y) * kFloatTokens;
  if (first_token >= tokens) return;
  const MatmulPlace place = find_weight(items, static_cast<int>(blockIdx.x));
  const MatmulWeight& weight = items.weights[place.weight];
  const int first_row = (place.block * kFloatWarps + thread / 32) * kFloatRows;
  float sums[kFloatRows][kFloatTokens] = {};
  for (int column = lane * 16; column < items.columns; column += 512) {
    float weights[kFloatRows][16];
#pragma unroll
    for (int r = 0; r < kFloatRows; ++r) {
      const int row = first_row + r < weight.rows ? first_row + r : weight.rows - 1;
      load_sixteen<kFormat, kWide>(weight.data + row * weight.row_bytes, column, items.columns, weights[r]);
    }
#pragma unroll
    for (int t = 0; t < kFloatTokens; ++t) {
      const int64_t token = first_token + t < tokens ? first_token + t : tokens - 1;
      float values[16];
      if (input.values) {
        const uint8_t* from = reinterpret_cast<const uint8_t*>(input.values + token * input.stride);
        load_sixteen<Format::kF32, kWide>(from, column, items.columns, values);
      } else {
        load_prepared(items.input.halves + token * items.input.columns + column, values);
      }
#pragma unroll
      for (int r = 0; r < kFloatRows; ++r) {
#pragma unroll
        for (int i = 0; i < 16; ++i) sums[r][t] = fmaf(weights[r][i], values[i], sums[r][t]);
      }
      if (first_token + t + 1 >= tokens) break;
    }
  }
#pragma unroll
  for (int r = 0; r < kFloatRows; ++r) {
#pragma unroll
    for (int t = 0; t < kFloatTokens; ++t) {
      float sum = sums[r][t];
#pragma unroll
      for (int step = 16; step > 0; step /= 2) sum += shuffle_xor(sum, step);
      const int row = first_row + r, token = first_token + t;
      if (lane != 0 || row >= weight.rows || token >= tokens) continue;
      weight.output[int64_t{token} * weight.output_stride + row] = weight.bias ? sum + weight.bias[row] : sum;
    }
  }
}

}  // namespace vivace::cuda
