// The metadata of a GGUF file: its keys in the file's order, found by name, read with checked types.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"

namespace vivace {

struct MetadataEntry {
  std::string_view key;
  Value value;
};

/// `find_x` gives nothing where the key is absent, `get_x` throws; both throw Error kInvalidFile, naming file, key and
/// byte offset, where the value is of another kind or out of range. Integers of any width convert where the number
/// fits; floats also read f64 and integers. Views live as long as the GgufFile.
class Metadata {
 public:
  Metadata() = default;
  /// `origin`: the file's name for errors. Throws kInvalidFile on duplicate keys.
  Metadata(std::string origin, std::vector<MetadataEntry> entries);

  /// In the file's order.
  std::span<const MetadataEntry> entries() const { return entries_; }
  const Value* find(std::string_view key) const;
  const Value& get(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  std::optional<uint32_t> find_u32(std::string_view key) const { return find_integer<uint32_t>(key); }
  std::optional<uint64_t> find_u64(std::string_view key) const { return find_integer<uint64_t>(key); }
  std::optional<int32_t> find_i32(std::string_view key) const { return find_integer<int32_t>(key); }
  std::optional<int64_t> find_i64(std::string_view key) const { return find_integer<int64_t>(key); }
  std::optional<float> find_f32(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<std::string_view> find_string(std::string_view key) const;
  std::optional<StringArray> find_strings(std::string_view key) const;
  /// An array of any integer type.
  template <std::integral T>
  std::optional<std::vector<T>> find_integers(std::string_view key) const;
  /// An array of numbers.
  std::optional<std::vector<float>> find_floats(std::string_view key) const;

  uint32_t get_u32(std::string_view key) const { return required(key, find_u32(key)); }
  uint64_t get_u64(std::string_view key) const { return required(key, find_u64(key)); }
  int32_t get_i32(std::string_view key) const { return required(key, find_i32(key)); }
  int64_t get_i64(std::string_view key) const { return required(key, find_i64(key)); }
  float get_f32(std::string_view key) const { return required(key, find_f32(key)); }
  bool get_bool(std::string_view key) const { return required(key, find_bool(key)); }
  std::string_view get_string(std::string_view key) const { return required(key, find_string(key)); }
  StringArray get_strings(std::string_view key) const { return required(key, find_strings(key)); }
  template <std::integral T>
  std::vector<T> get_integers(std::string_view key) const {
    return required(key, find_integers<T>(key));
  }
  std::vector<float> get_floats(std::string_view key) const { return required(key, find_floats(key)); }

  /// The Error to throw about a key's value: kInvalidFile, "<file>: metadata key '<key>' (byte N): <what>".
  Error error(std::string_view key, const std::string& what) const;

 private:
  template <std::integral T>
  std::optional<T> find_integer(std::string_view key) const;
  template <class T>
  T required(std::string_view key, std::optional<T> value) const {
    if (!value) throw missing(key);
    return std::move(*value);
  }
  Error missing(std::string_view key) const;
  Error wrong_type(std::string_view key, const Value& value, const std::string& expected) const;
  // The expected kind and, for one of the right kind, that the number is out of range.
  Error bad_integer(std::string_view key, const Value& value, ValueType wanted) const;

  std::string origin_;
  std::vector<MetadataEntry> entries_;
  std::vector<uint32_t> by_key_;  // indices into entries_, sorted by key
};

template <std::integral T>
std::optional<T> Metadata::find_integer(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->integer<T>();
  if (!number) throw bad_integer(key, *value, value_type_of<T>());
  return number;
}

template <std::integral T>
std::optional<std::vector<T>> Metadata::find_integers(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto numbers = value->integers<T>();
  if (!numbers)
    throw wrong_type(key, *value, std::string("array of integers that fit ") + value_type_name(value_type_of<T>()));
  return numbers;
}

}  // namespace vivace
