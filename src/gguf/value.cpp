// Decoding of metadata values.
#include "gguf/value.h"

#include <array>

namespace vivace {
namespace {

struct TypeRow {
  const char* name;
  uint8_t bytes;
};

// In the order of the type ids.
constexpr std::array<TypeRow, kValueTypeCount> kTypes = {{{"u8", 1},
                                                          {"i8", 1},
                                                          {"u16", 2},
                                                          {"i16", 2},
                                                          {"u32", 4},
                                                          {"i32", 4},
                                                          {"f32", 4},
                                                          {"bool", 1},
                                                          {"string", 0},
                                                          {"array", 0},
                                                          {"u64", 8},
                                                          {"i64", 8},
                                                          {"f64", 8}}};

std::optional<double> load_number(ValueType type, const uint8_t* bytes) {
  if (type == ValueType::kF32) return load_unaligned<float>(bytes);
  if (type == ValueType::kF64) return load_unaligned<double>(bytes);
  const auto value = internal::load_integer(type, bytes);
  if (!value) return std::nullopt;
  return value->negative ? static_cast<double>(static_cast<int64_t>(value->bits)) : static_cast<double>(value->bits);
}

// Bytes of one encoded value that the parser has accepted.
size_t encoded_bytes(ValueType type, const uint8_t* bytes) {
  if (type == ValueType::kString) return 8 + static_cast<size_t>(load_unaligned<uint64_t>(bytes));
  if (type != ValueType::kArray) return value_type_bytes(type);
  const auto element = static_cast<ValueType>(load_unaligned<uint32_t>(bytes));
  const auto count = static_cast<size_t>(load_unaligned<uint64_t>(bytes + 4));
  const size_t width = value_type_bytes(element);
  if (width != 0) return 12 + count * width;
  size_t total = 12;
  for (size_t i = 0; i < count; ++i) total += encoded_bytes(element, bytes + total);
  return total;
}

template <class T>
internal::AnyInteger widen(const uint8_t* bytes) {
  const T value = load_unaligned<T>(bytes);
  return {value < T{0}, static_cast<uint64_t>(static_cast<int64_t>(value))};
}

}  // namespace

const char* value_type_name(ValueType type) {
  const auto id = static_cast<uint32_t>(type);
  return id < kValueTypeCount ? kTypes[id].name : "unknown";
}

size_t value_type_bytes(ValueType type) {
  const auto id = static_cast<uint32_t>(type);
  return id < kValueTypeCount ? kTypes[id].bytes : 0;
}

std::optional<internal::AnyInteger> internal::load_integer(ValueType type, const uint8_t* bytes) {
  switch (type) {
    case ValueType::kU8:
      return AnyInteger{false, load_unaligned<uint8_t>(bytes)};
    case ValueType::kU16:
      return AnyInteger{false, load_unaligned<uint16_t>(bytes)};
    case ValueType::kU32:
      return AnyInteger{false, load_unaligned<uint32_t>(bytes)};
    case ValueType::kU64:
      return AnyInteger{false, load_unaligned<uint64_t>(bytes)};
    case ValueType::kI8:
      return widen<int8_t>(bytes);
    case ValueType::kI16:
      return widen<int16_t>(bytes);
    case ValueType::kI32:
      return widen<int32_t>(bytes);
    case ValueType::kI64:
      return widen<int64_t>(bytes);
    default:
      return std::nullopt;
  }
}

std::string Value::type_text() const {
  std::string text = value_type_name(type_);
  if (is_array()) text += std::string(" of ") + value_type_name(element_type());
  return text;
}

std::optional<double> Value::number() const { return load_number(type_, encoded_.data()); }

std::optional<bool> Value::boolean() const {
  if (type_ != ValueType::kBool) return std::nullopt;
  return encoded_[0] != 0;
}

std::optional<std::string_view> Value::string() const {
  if (type_ != ValueType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(encoded_.data()) + 8, encoded_.size() - 8);
}

std::optional<StringArray> Value::strings() const {
  if (!is_array() || element_type() != ValueType::kString) return std::nullopt;
  return StringArray(encoded_.data() + 12, size());
}

std::optional<std::vector<float>> Value::numbers() const {
  if (!is_array()) return std::nullopt;
  const ValueType type = element_type();
  const size_t width = value_type_bytes(type);
  if (width == 0 || type == ValueType::kBool) return std::nullopt;
  std::vector<float> values(static_cast<size_t>(size()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(*load_number(type, encoded_.data() + 12 + i * width));
  }
  return values;
}

ElementRange Value::elements() const { return ElementRange(*this); }

ElementRange::Iterator::Iterator(ValueType type, std::span<const uint8_t> rest, uint64_t file_offset, uint64_t left)
    : type_(type), rest_(rest), file_offset_(file_offset), left_(left) {
  if (left_ != 0) bytes_ = encoded_bytes(type_, rest_.data());
}

ElementRange::Iterator& ElementRange::Iterator::operator++() {
  *this = Iterator(type_, rest_.subspan(bytes_), file_offset_ + bytes_, left_ - 1);
  return *this;
}

ElementRange::Iterator ElementRange::begin() const {
  if (!array_.is_array()) return {};
  return {array_.element_type(), array_.encoded().subspan(12), array_.file_offset() + 12, array_.size()};
}

}  // namespace vivace
