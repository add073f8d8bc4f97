// Metadata values of a GGUF file: views into the file's header bytes, decoded when they are read. A list of 256k tokens
// costs nothing until it is walked.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace vivace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place as little-endian");

/// Value types, numbered as in the file.
enum class ValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
constexpr uint32_t kValueTypeCount = 13;

/// Name of a type, for example "u32"; "unknown" outside the enumeration.
const char* value_type_name(ValueType type);
/// Encoded bytes of a fixed-size type; 0 for strings and arrays.
size_t value_type_bytes(ValueType type);

/// The ValueType that stores T exactly.
template <class T>
constexpr ValueType value_type_of() {
  if constexpr (std::is_same_v<T, uint8_t>)
    return ValueType::kU8;
  else if constexpr (std::is_same_v<T, int8_t>)
    return ValueType::kI8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return ValueType::kU16;
  else if constexpr (std::is_same_v<T, int16_t>)
    return ValueType::kI16;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return ValueType::kU32;
  else if constexpr (std::is_same_v<T, int32_t>)
    return ValueType::kI32;
  else if constexpr (std::is_same_v<T, float>)
    return ValueType::kF32;
  else if constexpr (std::is_same_v<T, bool>)
    return ValueType::kBool;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return ValueType::kU64;
  else if constexpr (std::is_same_v<T, int64_t>)
    return ValueType::kI64;
  else {
    static_assert(std::is_same_v<T, double>);
    return ValueType::kF64;
  }
}

/// Reads a T from bytes of any alignment.
template <class T>
T load_unaligned(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// `count` values of T at any alignment, as they lie in the file.
template <class T>
class PackedArray {
 public:
  PackedArray() = default;
  explicit PackedArray(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t size() const { return bytes_.size() / sizeof(T); }
  bool empty() const { return bytes_.empty(); }
  T operator[](size_t index) const { return load_unaligned<T>(bytes_.data() + index * sizeof(T)); }
  std::vector<T> to_vector() const {
    std::vector<T> values(size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = (*this)[i];
    return values;
  }

 private:
  std::span<const uint8_t> bytes_;
};

/// An array of strings, walked front to back: `for (std::string_view s : array)`. Strings may hold any bytes.
class StringArray {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = std::string_view;

    Iterator() = default;
    Iterator(const uint8_t* position, uint64_t left) : position_(position), left_(left) {}
    std::string_view operator*() const {
      return {reinterpret_cast<const char*>(position_ + 8), static_cast<size_t>(load_unaligned<uint64_t>(position_))};
    }
    Iterator& operator++() {
      position_ += 8 + load_unaligned<uint64_t>(position_);
      --left_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    const uint8_t* position_ = nullptr;
    uint64_t left_ = 0;
  };

  StringArray() = default;
  StringArray(const uint8_t* first, uint64_t count) : first_(first), count_(count) {}
  size_t size() const { return static_cast<size_t>(count_); }
  bool empty() const { return count_ == 0; }
  Iterator begin() const { return {first_, count_}; }
  Iterator end() const { return {nullptr, 0}; }
  /// Views into the header, for access by index: 16 bytes a string.
  std::vector<std::string_view> to_vector() const {
    std::vector<std::string_view> strings;
    strings.reserve(size());
    for (std::string_view string : *this) strings.push_back(string);
    return strings;
  }

 private:
  const uint8_t* first_ = nullptr;
  uint64_t count_ = 0;
};

class ElementRange;

/// One value: a type and its encoded bytes, which live as long as the GgufFile (or EncodedValue) they come from.
/// Readers return nothing where the value is of another kind or out of the asked range.
class Value {
 public:
  Value() = default;
  /// `encoded` must be one valid value of `type`: the parser and EncodedValue see to that.
  Value(ValueType type, std::span<const uint8_t> encoded, uint64_t file_offset)
      : type_(type), encoded_(encoded), file_offset_(file_offset) {}

  ValueType type() const { return type_; }
  /// The bytes after the type id, as in the file (strings and arrays with their lengths).
  std::span<const uint8_t> encoded() const { return encoded_; }
  /// Where encoded() begins in the file.
  uint64_t file_offset() const { return file_offset_; }
  /// "u32", "array of string".
  std::string type_text() const;

  /// Any integer type (not bool), where it fits T.
  template <std::integral T>
  std::optional<T> integer() const;
  /// f32, f64 or any integer.
  std::optional<double> number() const;
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;

  bool is_array() const { return type_ == ValueType::kArray; }
  /// Of an array.
  ValueType element_type() const { return static_cast<ValueType>(load_unaligned<uint32_t>(encoded_.data())); }
  /// Elements of an array, 1 for any other value.
  uint64_t size() const { return is_array() ? load_unaligned<uint64_t>(encoded_.data() + 4) : 1; }

  /// An array whose elements are exactly T, without a copy.
  template <class T>
  std::optional<PackedArray<T>> packed() const {
    if (!is_array() || element_type() != value_type_of<T>()) return std::nullopt;
    return PackedArray<T>(encoded_.subspan(12));
  }
  std::optional<StringArray> strings() const;
  /// An array of any integer type where every element fits T.
  template <std::integral T>
  std::optional<std::vector<T>> integers() const;
  /// An array of f32, f64 or integers.
  std::optional<std::vector<float>> numbers() const;
  /// The elements of any array as values, nested arrays included; empty for any other value.
  ElementRange elements() const;

 private:
  ValueType type_ = ValueType::kU8;
  std::span<const uint8_t> encoded_;
  uint64_t file_offset_ = 0;
};

/// The elements of an array, front to back.
class ElementRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Value;

    Iterator() = default;
    Iterator(ValueType type, std::span<const uint8_t> rest, uint64_t file_offset, uint64_t left);
    Value operator*() const { return {type_, rest_.first(bytes_), file_offset_}; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    ValueType type_ = ValueType::kU8;
    std::span<const uint8_t> rest_;  // from this element on
    uint64_t file_offset_ = 0;
    uint64_t left_ = 0;
    size_t bytes_ = 0;  // of this element
  };

  explicit ElementRange(const Value& array) : array_(array) {}
  Iterator begin() const;
  Iterator end() const { return {}; }

 private:
  Value array_;
};

namespace internal {
// An integer value of any type, sign and magnitude apart so that both u64 and i64 fit.
struct AnyInteger {
  bool negative = false;
  uint64_t bits = 0;  // two's complement where negative
};
std::optional<AnyInteger> load_integer(ValueType type, const uint8_t* bytes);

template <std::integral T>
std::optional<T> narrow(AnyInteger value) {
  if (value.negative) {
    const auto number = static_cast<int64_t>(value.bits);
    return std::in_range<T>(number) ? std::optional<T>(static_cast<T>(number)) : std::nullopt;
  }
  return std::in_range<T>(value.bits) ? std::optional<T>(static_cast<T>(value.bits)) : std::nullopt;
}
}  // namespace internal

template <std::integral T>
std::optional<T> Value::integer() const {
  const auto value = internal::load_integer(type_, encoded_.data());
  return value ? internal::narrow<T>(*value) : std::nullopt;
}

template <std::integral T>
std::optional<std::vector<T>> Value::integers() const {
  if (!is_array()) return std::nullopt;
  const ValueType type = element_type();
  const size_t width = value_type_bytes(type);
  std::vector<T> values;
  values.reserve(width == 0 ? 0 : static_cast<size_t>(size()));
  for (uint64_t i = 0; i < size(); ++i) {
    const auto value = internal::load_integer(type, encoded_.data() + 12 + i * width);
    const auto element = value ? internal::narrow<T>(*value) : std::nullopt;
    if (!element) return std::nullopt;
    values.push_back(*element);
  }
  return values;
}

}  // namespace vivace
