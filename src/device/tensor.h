// What lies on a device: memory, activations, weights. Views are plain values; the Buffer owns the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/formats.h"
#include "quant/layout.h"

namespace vivace {

/// A block of device memory at a fixed address. Freed when destroyed.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual size_t size() const = 0;
  /// The bytes where the host may touch them, else null.
  virtual uint8_t* host_data() = 0;
  /// Gives memory of the host back to the system where it can: the content is lost, the next use takes memory anew.
  virtual void give_back() {}
  /// Blocking copies between host and buffer; the caller has synced the streams that use the range.
  virtual void write(size_t offset, std::span<const uint8_t> bytes) = 0;
  virtual void read(size_t offset, std::span<uint8_t> bytes) const = 0;
};

/// Which rows of the step an operation runs over; how many there are is read from StepInputs when it executes.
enum class RowSet : uint8_t {
  kTokens,   // every token of the step
  kOutputs,  // the tokens whose logits are wanted
};

/// f32 activations [rows, columns]; row r begins at offset + r * stride * 4 bytes. Null buffer: absent.
struct Tensor {
  Buffer* buffer = nullptr;
  size_t offset = 0;    // bytes
  int32_t columns = 0;  // values in a row
  int32_t stride = 0;   // values from one row to the next

  explicit operator bool() const { return buffer != nullptr; }
};

/// A weight matrix [rows, columns] (rows = outputs), or a vector as [1, columns] in F32. Null buffer: absent.
struct Weight {
  const FormatRow* format = nullptr;
  Layout layout = Layout::kRows;
  Buffer* buffer = nullptr;
  size_t offset = 0;  // bytes
  int64_t rows = 0;
  int64_t columns = 0;

  explicit operator bool() const { return buffer != nullptr; }
  size_t bytes() const { return weight_bytes(*format, layout, rows, columns); }
};

/// Bit set of the forms a backend can quantise an activation to; 0 means the f32 values serve. Meaning is the
/// backend's.
using PreparedKinds = uint32_t;

/// An activation in the backend's own form, quantised once per input and read by every weight that shares it.
struct Prepared {
  Buffer* buffer = nullptr;
  size_t offset = 0;  // bytes
  PreparedKinds kinds = 0;
  int32_t columns = 0;

  explicit operator bool() const { return buffer != nullptr && kinds != 0; }
};

/// Input of a matmul: the f32 values, and the prepared form where the weights ask for one.
struct Activation {
  Tensor values;
  Prepared prepared;
};

}  // namespace vivace
