// Writes GGUF version 3 files: metadata of every type, tensors from memory or from a callback.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace vivace {

/// A metadata value as the file stores it.
class EncodedValue {
 public:
  template <class T>
  static EncodedValue scalar(T value) {
    EncodedValue result(value_type_of<T>());
    result.append(value);
    return result;
  }
  static EncodedValue string(std::string_view text);
  template <class T>
  static EncodedValue array(std::span<const T> values) {
    EncodedValue result = array_head(value_type_of<T>(), values.size());
    for (const T& value : values) result.append(value);
    return result;
  }
  static EncodedValue strings(std::span<const std::string> texts);
  static EncodedValue strings(std::span<const std::string_view> texts);
  /// An array of arrays; throws kInvalidArgument where an element is not an array.
  static EncodedValue arrays(std::span<const EncodedValue> elements);
  /// A copy of a value that was read.
  static EncodedValue copy(const Value& value);

  ValueType type() const { return type_; }
  std::span<const uint8_t> bytes() const { return bytes_; }
  /// A view, as the reader gives it.
  Value view() const { return {type_, bytes_, 0}; }

 private:
  explicit EncodedValue(ValueType type) : type_(type) {}
  static EncodedValue array_head(ValueType element, uint64_t count);
  template <class T>
  void append(T value) {
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  void append_text(std::string_view text);

  ValueType type_;
  std::vector<uint8_t> bytes_;
};

/// Collects a file's content, then writes it in one pass. Functions throw kInvalidArgument for what the reader would
/// refuse: duplicate or bad names, shapes, alignment.
class GgufWriter {
 public:
  /// Takes bytes in the file's order.
  using Sink = std::function<void(std::span<const uint8_t>)>;
  /// Hands all bytes of one tensor to the sink, in order, in any number of calls.
  using Producer = std::function<void(const Sink&)>;

  void set(std::string key, EncodedValue value);
  void set_u32(std::string key, uint32_t value) { set(std::move(key), EncodedValue::scalar(value)); }
  void set_u64(std::string key, uint64_t value) { set(std::move(key), EncodedValue::scalar(value)); }
  void set_i32(std::string key, int32_t value) { set(std::move(key), EncodedValue::scalar(value)); }
  void set_f32(std::string key, float value) { set(std::move(key), EncodedValue::scalar(value)); }
  void set_bool(std::string key, bool value) { set(std::move(key), EncodedValue::scalar(value)); }
  void set_string(std::string key, std::string_view value) { set(std::move(key), EncodedValue::string(value)); }
  void set_strings(std::string key, std::span<const std::string> values) {
    set(std::move(key), EncodedValue::strings(values));
  }
  template <class T>
  void set_array(std::string key, std::span<const T> values) {
    set(std::move(key), EncodedValue::array(values));
  }
  /// Stores general.alignment; a power of two, at least 8. The default, 32, is not stored.
  void set_alignment(uint32_t alignment);

  /// dims[0] is the row length. `data` must stay until the file is written.
  void add_tensor(std::string name, std::vector<uint64_t> dims, uint32_t ggml_type, std::span<const uint8_t> data);
  /// `producer` runs while the file is written and must hand over exactly `bytes` bytes.
  void add_tensor(std::string name, std::vector<uint64_t> dims, uint32_t ggml_type, uint64_t bytes, Producer producer);

  /// Writes by way of a temporary file: the path holds the whole file or what it held before. Throws kIo.
  void write(const std::filesystem::path& path) const;
  std::vector<uint8_t> to_bytes() const;
  void write_to(const Sink& sink) const;

 private:
  struct Entry {
    std::string key;
    EncodedValue value;
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;
    uint32_t ggml_type;
    uint64_t offset;  // in the data section
    uint64_t bytes;
    Producer producer;
  };
  uint64_t padded(uint64_t bytes) const { return (bytes + alignment_ - 1) / alignment_ * alignment_; }
  std::vector<uint8_t> header() const;

  uint32_t alignment_ = 32;
  std::vector<Entry> entries_;
  std::vector<Tensor> tensors_;
};

}  // namespace vivace
