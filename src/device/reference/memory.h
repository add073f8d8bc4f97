// Views become pointers here, and calls that don't fit their views become Error kInternal.
#pragma once

#include <string>

#include "base/error.h"
#include "device/step_inputs.h"
#include "device/tensor.h"

namespace vivace::reference {

/// A condition that only a bug of ours can break.
inline void expect(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::kInternal, std::string("reference device: ") + what);
}

inline int32_t row_count(const StepInputs& step, RowSet rows) {
  return rows == RowSet::kTokens ? step.tokens() : step.outputs();
}

/// Host bytes [offset, offset + bytes) of a buffer.
inline uint8_t* host_bytes(Buffer* buffer, size_t offset, size_t bytes) {
  expect(buffer != nullptr, "a needed buffer is absent");
  uint8_t* data = buffer->host_data();
  expect(data != nullptr, "a buffer is not host memory");
  expect(offset <= buffer->size() && bytes <= buffer->size() - offset, "a view is outside its buffer");
  return data + offset;
}

/// Rows of a tensor whose extent [rows, columns] was checked once.
struct Rows {
  float* data = nullptr;
  int64_t stride = 0;
  float* operator[](int64_t row) const { return data + row * stride; }
};

inline Rows rows_of(const Tensor& tensor, int64_t rows, int64_t columns) {
  expect(tensor.columns == columns && tensor.stride >= columns, "a tensor has other columns than its operation");
  if (rows == 0) return {};
  const size_t values = size_t(rows - 1) * tensor.stride + columns;
  return {reinterpret_cast<float*>(host_bytes(tensor.buffer, tensor.offset, values * sizeof(float))), tensor.stride};
}

/// The bytes of a weight in its layout.
inline const uint8_t* weight_data(const Weight& weight) {
  return host_bytes(weight.buffer, weight.offset, weight.bytes());
}

/// A vector [1, count] in F32, or null where it is absent.
inline const float* vector_data(const Weight& weight, int64_t count) {
  if (!weight) return nullptr;
  expect(weight.format->format == Format::kF32 && weight.rows == 1 && weight.columns == count,
         "a vector is not [1, n] in F32");
  return reinterpret_cast<const float*>(host_bytes(weight.buffer, weight.offset, size_t(count) * sizeof(float)));
}

}  // namespace vivace::reference
