// Lookup and typed reading of metadata keys.
#include "gguf/metadata.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gguf/cursor.h"

namespace vivace {

Metadata::Metadata(std::string origin, std::vector<MetadataEntry> entries)
    : origin_(std::move(origin)), entries_(std::move(entries)), by_key_(entries_.size()) {
  std::iota(by_key_.begin(), by_key_.end(), 0u);
  std::sort(by_key_.begin(), by_key_.end(), [this](uint32_t a, uint32_t b) {
    const int order = entries_[a].key.compare(entries_[b].key);
    return order != 0 ? order < 0 : a < b;
  });
  for (size_t i = 1; i < by_key_.size(); ++i) {
    const MetadataEntry& first = entries_[by_key_[i - 1]];
    const MetadataEntry& second = entries_[by_key_[i]];
    if (first.key != second.key) continue;
    throw Error(ErrorCode::kInvalidFile, origin_ + ": metadata key " + quote_name(first.key) +
                                             " occurs twice (values at byte " +
                                             std::to_string(first.value.file_offset()) + " and byte " +
                                             std::to_string(second.value.file_offset()) + ")");
  }
}

const Value* Metadata::find(std::string_view key) const {
  const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                      [this](uint32_t index, std::string_view k) { return entries_[index].key < k; });
  if (found == by_key_.end() || entries_[*found].key != key) return nullptr;
  return &entries_[*found].value;
}

const Value& Metadata::get(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) throw missing(key);
  return *value;
}

std::optional<float> Metadata::find_f32(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->number();
  if (!number) throw wrong_type(key, *value, "f32");
  const auto narrow = static_cast<float>(*number);
  if (std::isinf(narrow) && !std::isinf(*number)) throw error(key, "is out of range for f32");
  return narrow;
}

std::optional<bool> Metadata::find_bool(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto flag = value->boolean();
  if (!flag) throw wrong_type(key, *value, "bool");
  return flag;
}

std::optional<std::string_view> Metadata::find_string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto text = value->string();
  if (!text) throw wrong_type(key, *value, "string");
  return text;
}

std::optional<StringArray> Metadata::find_strings(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto strings = value->strings();
  if (!strings) throw wrong_type(key, *value, "array of string");
  return strings;
}

std::optional<std::vector<float>> Metadata::find_floats(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto numbers = value->numbers();
  if (!numbers) throw wrong_type(key, *value, "array of f32");
  return numbers;
}

Error Metadata::error(std::string_view key, const std::string& what) const {
  const Value* value = find(key);
  const std::string place = value == nullptr ? "" : " (byte " + std::to_string(value->file_offset()) + ")";
  return Error(ErrorCode::kInvalidFile, origin_ + ": metadata key " + quote_name(key) + place + ": " + what);
}

Error Metadata::missing(std::string_view key) const {
  return Error(ErrorCode::kInvalidFile, origin_ + ": metadata key " + quote_name(key) + " is missing");
}

Error Metadata::wrong_type(std::string_view key, const Value& value, const std::string& expected) const {
  return error(key, "has type " + value.type_text() + ", expected " + expected);
}

Error Metadata::bad_integer(std::string_view key, const Value& value, ValueType wanted) const {
  const std::string name = value_type_name(wanted);
  const auto number = internal::load_integer(value.type(), value.encoded().data());
  if (!number) return wrong_type(key, value, name);
  const std::string text =
      number->negative ? std::to_string(static_cast<int64_t>(number->bits)) : std::to_string(number->bits);
  return error(key, "is " + text + ", out of range for " + name);
}

}  // namespace vivace
