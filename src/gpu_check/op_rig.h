// A device with its step inputs and stream, and what checks of operations do with them: make tensors and weights, run,
// read back. Knows no test library: what is wrong is thrown.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "device/device.h"
#include "quant/layout.h"

namespace vivace::gpu_check {

using Values = std::vector<float>;  // rows one after the other, without padding

/// Rows [begin, end) of values [.., columns].
inline Values slice_rows(const Values& values, size_t columns, size_t begin, size_t end) {
  return Values(values.begin() + begin * columns, values.begin() + end * columns);
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  /// `count` normal values of this standard deviation.
  Values normal(size_t count, float deviation = 1) {
    std::normal_distribution<float> distribution(0, deviation);
    Values values(count);
    for (float& value : values) value = distribution(engine_);
    return values;
  }
  /// 0 <= result < limit.
  int32_t below(int32_t limit) { return int32_t(engine_() % uint64_t(limit)); }
  uint8_t byte() { return uint8_t(engine_() >> 24); }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

class OpRig {
 public:
  explicit OpRig(Device& device, const StepLimits& limits = {.tokens = 512, .outputs = 64})
      : inputs_(limits), device_(&device), stream_(device.create_stream(inputs_)) {}

  StepInputs& inputs() { return inputs_; }
  Device& device() { return *device_; }
  Stream& stream() { return *stream_; }

  /// One sequence of `tokens` tokens from position 0 on, outputs for the first `outputs` of them.
  void set_tokens(int32_t tokens, int32_t outputs = 0) {
    inputs_.tokens() = tokens;
    inputs_.sequences() = 1;
    inputs_.outputs() = outputs;
    inputs_.sequence_begin()[0] = 0;
    inputs_.sequence_tokens()[0] = tokens;
    for (int32_t t = 0; t < tokens; ++t) inputs_.positions()[t] = t;
    for (int32_t t = 0; t < tokens; ++t) inputs_.token_sequence()[t] = 0;
    for (int32_t o = 0; o < outputs; ++o) inputs_.output_rows()[o] = o;
  }

  Buffer* buffer(size_t bytes, BufferUse use = BufferUse::kActivations) {
    buffers_.push_back(device_->allocate(bytes, use));
    return buffers_.back().get();
  }

  /// A tensor for `rows` rows; between its rows and around it lies a guard that values() checks.
  Tensor tensor(int32_t rows, int32_t columns) {
    const int32_t stride = (columns + 15) / 16 * 16 + kGuard;
    const std::vector<uint8_t> guard((size_t(rows) * stride + kGuard) * sizeof(float), kGuardByte);
    Tensor tensor{buffer(guard.size()), kGuard * sizeof(float), columns, stride};
    tensor.buffer->write(0, guard);
    return tensor;
  }

  /// A tensor of values [rows, columns].
  Tensor tensor(const Values& values, int32_t columns) {
    const int32_t rows = int32_t(values.size()) / columns;
    const Tensor result = tensor(rows, columns);
    fill(result, values);
    return result;
  }

  /// Writes values [rows, columns] to the first rows.
  void fill(const Tensor& tensor, const Values& values) {
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(values.data());
    const size_t row_size = tensor.columns * sizeof(float);
    for (size_t r = 0; r < values.size() / tensor.columns; ++r) {
      tensor.buffer->write(tensor.offset + r * tensor.stride * sizeof(float), {bytes + r * row_size, row_size});
    }
  }

  /// The first `rows` rows; every other byte of the tensor's buffer up to there must still be guard.
  Values values(const Tensor& tensor, int32_t rows) {
    Values result;
    std::vector<float> row(tensor.stride);
    const std::vector<uint8_t> guard(size_t(tensor.stride) * sizeof(float), kGuardByte);
    for (int32_t r = 0; r < rows; ++r) {
      const size_t at = tensor.offset + size_t(r) * tensor.stride * sizeof(float);
      tensor.buffer->read(at, {reinterpret_cast<uint8_t*>(row.data()), row.size() * sizeof(float)});
      result.insert(result.end(), row.begin(), row.begin() + tensor.columns);
      const size_t padding = (tensor.stride - tensor.columns) * sizeof(float);
      if (std::memcmp(row.data() + tensor.columns, guard.data(), padding) != 0) {
        throw std::runtime_error("wrote behind row " + std::to_string(r));
      }
    }
    const size_t end = tensor.offset + size_t(rows) * tensor.stride * sizeof(float);
    std::vector<uint8_t> rest(tensor.buffer->size() - end);
    tensor.buffer->read(end, rest);
    if (std::count(rest.begin(), rest.end(), kGuardByte) != int64_t(rest.size())) {
      throw std::runtime_error("wrote rows that are not there");
    }
    return result;
  }

  /// A vector [1, n] in F32.
  Weight vector(const Values& values) {
    Weight weight{&format_row(Format::kF32), Layout::kRows, nullptr, 0, 1, int64_t(values.size())};
    weight.buffer = buffer(values.size() * sizeof(float), BufferUse::kWeights);
    weight.buffer->write(0, {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
    return weight;
  }

  /// A weight whose rows in the file's order are `file_rows`.
  Weight weight(const FormatRow& format, Layout layout, int64_t rows, int64_t columns,
                const std::vector<uint8_t>& file_rows) {
    Weight weight{&format, layout, nullptr, 0, rows, columns};
    std::vector<uint8_t> data = file_rows;
    if (layout == Layout::kPanel16) {
      data.assign(weight.bytes(), 0);
      const size_t bytes = row_bytes(format, columns), panel_bytes = weight_bytes(format, layout, kPanelRows, columns);
      for (int64_t r = 0; r < rows; r += kPanelRows) {
        const size_t count = std::min<int64_t>(kPanelRows, rows - r);
        uint8_t* panel = data.data() + r / kPanelRows * panel_bytes;
        pack_panel16(format, file_rows.data() + r * bytes, count, columns, panel);
      }
    }
    if (data.size() != weight.bytes()) throw std::logic_error("a weight of the wrong size");
    // Rows may come from a mapped file, which only promises 32 bytes.
    weight.offset = layout == Layout::kRows ? 32 : 64;
    weight.buffer = buffer(weight.offset + data.size(), BufferUse::kWeights);
    weight.buffer->write(weight.offset, data);
    return weight;
  }

  /// The prepared form that these weights read, for up to `rows` rows; absent where none needs one.
  Prepared prepared(const std::vector<Weight>& weights, int32_t rows) {
    Prepared result{nullptr, 0, 0, int32_t(weights.at(0).columns)};
    for (const Weight& weight : weights) result.kinds |= device_->prepared_kinds(weight);
    if (result.kinds != 0) result.buffer = buffer(device_->prepared_bytes(result.kinds, result.columns, rows));
    return result;
  }

  /// Runs one step: begin, the calls, sync. Always under a new key, so that nothing is replayed.
  template <class Calls>
  void step(Calls calls) {
    if (stream_->begin(++key_)) throw std::runtime_error("the stream replays a key it has never seen");
    calls(*stream_);
    stream_->sync();
  }

 private:
  static constexpr int32_t kGuard = 16;        // values
  static constexpr uint8_t kGuardByte = 0xFF;  // as floats: NaN, so that reading it shows, too

  StepInputs inputs_;
  Device* device_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::unique_ptr<Stream> stream_;
  uint64_t key_ = 0;
};

}  // namespace vivace::gpu_check
