// What the operations over rows share: views of tensors, and quads, the four neighbouring columns that a thread works
// on.
#pragma once

#include "backends/cuda/device_math.h"
#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// f32 rows on the device; null where the tensor is absent.
struct RowsView {
  float* data = nullptr;
  int64_t stride = 0;  // values
  int32_t columns = 0;
  bool aligned = false;  // each row begins at a multiple of 16 bytes

  VIVACE_HOST_DEVICE float* operator[](int64_t row) const { return data + row * stride; }
};

inline RowsView rows_view(const Tensor& tensor) {
  float* data = device_floats(tensor);
  return {data, tensor.stride, tensor.columns, tensor.stride % 4 == 0 && reinterpret_cast<uintptr_t>(data) % 16 == 0};
}

/// Grid of an operation that computes each value by itself: a thread for each quad, a row of blocks for each row.
constexpr int kRowThreads = 128;
inline dim3 quad_grid(int32_t columns, int32_t rows) {
  return dim3(static_cast<unsigned>(columns + 4 * kRowThreads - 1) / (4 * kRowThreads), static_cast<unsigned>(rows));
}

#if defined(VIVACE_DEVICE)
struct Quad {
  float values[4];
};

/// Columns column.. + 3 of a row; zeros beyond its end.
VIVACE_DEVICE Quad load_quad(const RowsView& rows, int64_t row, int column) {
  Quad quad;
  const float* from = rows[row] + column;
  if (rows.aligned && column + 4 <= rows.columns) {
    const float4 all = *reinterpret_cast<const float4*>(from);
    quad.values[0] = all.x;
    quad.values[1] = all.y;
    quad.values[2] = all.z;
    quad.values[3] = all.w;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) quad.values[i] = column + i < rows.columns ? from[i] : 0.0f;
  }
  return quad;
}

/// Stores what of a quad lies in the row.
VIVACE_DEVICE void store_quad(const RowsView& rows, int64_t row, int column, const Quad& quad) {
  float* to = rows[row] + column;
  if (rows.aligned && column + 4 <= rows.columns) {
    *reinterpret_cast<float4*>(to) = make_float4(quad.values[0], quad.values[1], quad.values[2], quad.values[3]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (column + i < rows.columns) to[i] = quad.values[i];
    }
  }
}

/// This thread's quad in a quad_grid().
VIVACE_DEVICE int quad_column() { return 4 * static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
#endif

}  // namespace vivace::cuda
