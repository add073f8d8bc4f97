// For tests only: a CPU device with buffers, a stream and KV pages at hand.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/tested_isas.h"
#include "base/thread_pool.h"
#include "device/device.h"

namespace vivace {

class Rig {
 public:
  explicit Rig(const std::string& isa, const StepLimits& limits = {}, int threads = 3)
      : pool(threads), device(make_cpu_device({"cpu", isa, 0, 0, false}, pool)), inputs(limits) {
    stream = device->create_stream(inputs);
  }

  Buffer* buffer(size_t bytes) {
    buffers.push_back(device->allocate(bytes, BufferUse::kActivations));
    return buffers.back().get();
  }
  /// A tensor with rows further apart than they are long.
  Tensor tensor(int32_t rows, int32_t columns, int32_t padding = 3) {
    const int32_t stride = columns + padding;
    return {buffer(size_t(rows) * size_t(stride) * sizeof(float) + 64), 64, columns, stride};
  }
  Tensor tensor(const std::vector<std::vector<float>>& rows) {
    Tensor result = tensor(int32_t(rows.size()), int32_t(rows[0].size()));
    for (size_t r = 0; r < rows.size(); ++r) std::memcpy(row(result, int32_t(r)), rows[r].data(), rows[r].size() * 4);
    return result;
  }
  Tensor random_tensor(int32_t rows, int32_t columns, float size = 1) {
    Tensor result = tensor(rows, columns);
    for (int32_t r = 0; r < rows; ++r) {
      for (int32_t c = 0; c < columns; ++c) row(result, r)[c] = size * normal(random);
    }
    return result;
  }
  Weight vector(const std::vector<float>& values) {
    Weight weight;
    weight.format = &format_row(Format::kF32);
    weight.buffer = buffer(values.size() * 4);
    weight.rows = 1;
    weight.columns = int64_t(values.size());
    std::memcpy(weight.buffer->host_data(), values.data(), values.size() * 4);
    return weight;
  }
  Weight random_vector(int32_t columns) {
    std::vector<float> values(static_cast<size_t>(columns));
    for (float& value : values) value = normal(random);
    return vector(values);
  }
  static float* row(const Tensor& tensor, int32_t r) {
    return reinterpret_cast<float*>(tensor.buffer->host_data() + tensor.offset) + int64_t(r) * tensor.stride;
  }
  static std::vector<float> values(const Tensor& tensor, int32_t r) {
    return {row(tensor, r), row(tensor, r) + tensor.columns};
  }

  ThreadPool pool;
  std::unique_ptr<Device> device;
  StepInputs inputs;
  std::unique_ptr<Stream> stream;
  std::vector<std::unique_ptr<Buffer>> buffers;
  std::mt19937 random{7};
  std::normal_distribution<float> normal;
};

/// One sequence of `tokens` rows from position `first` on, in row order.
inline void set_sequence(StepInputs& inputs, int32_t sequence, int32_t row, int32_t tokens, int32_t first) {
  inputs.sequence_begin()[sequence] = row;
  inputs.sequence_tokens()[sequence] = tokens;
  for (int32_t t = 0; t < tokens; ++t) {
    inputs.positions()[row + t] = first + t;
    inputs.token_sequence()[row + t] = sequence;
  }
}

}  // namespace vivace
