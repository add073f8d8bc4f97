// Parsing and checking of option values.
#include "base/option.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/ascii_case.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;

bool allows_auto(const OptionRow& row) { return row.default_text == "auto"; }

[[noreturn]] void refuse(const OptionRow& row, std::string_view text) {
  throw Error(ErrorCode::kInvalidArgument, std::string(row.name) + ": '" + std::string(text.substr(0, 100)) +
                                               "' is not allowed; it takes " + option_range(row));
}

template <class T>
std::optional<T> parse_number(std::string_view text, std::string_view* rest = nullptr) {
  T value{};
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || (rest == nullptr && stop != end)) return std::nullopt;
  if (rest != nullptr) *rest = text.substr(static_cast<size_t>(stop - text.data()));
  return value;
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string word = ascii_lower(text);
  for (const char* yes : {"true", "on", "yes", "1"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"false", "off", "no", "0"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> parse_size(std::string_view text) {
  std::string_view suffix;
  const auto whole = parse_number<int64_t>(text, &suffix);
  std::string_view fraction_suffix;
  const auto fraction = parse_number<double>(text, &fraction_suffix);
  if (!fraction || !std::isfinite(*fraction)) return std::nullopt;
  const bool is_whole = whole && suffix.size() == fraction_suffix.size();
  std::string unit = ascii_lower(fraction_suffix);
  unit.erase(0, std::min(unit.find_first_not_of(' '), unit.size()));
  int shift = 0;
  if (!unit.empty() && unit != "b") {
    const size_t power = std::string_view("kmgt").find(unit[0]);
    const std::string tail = unit.substr(1);
    if (power == std::string_view::npos || !(tail.empty() || tail == "b" || tail == "ib")) return std::nullopt;
    shift = 10 * (static_cast<int>(power) + 1);
  }
  if (is_whole) {
    const int64_t most = INT64_MAX >> shift;
    if (*whole > most || *whole < -most) return std::nullopt;
    return *whole * (int64_t{1} << shift);
  }
  const double bytes = std::ldexp(*fraction, shift);
  if (!(std::abs(bytes) < kTwoTo63)) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

namespace {

// A bound of a row as an integer never rounds inwards: comparing in double would let 2^53 + 1 pass as 2^53.
bool in_range(const OptionRow& row, int64_t value) {
  if (row.min >= kTwoTo63 || row.max < -kTwoTo63) return false;
  if (row.min > -kTwoTo63 && value < static_cast<int64_t>(std::ceil(row.min))) return false;
  return row.max >= kTwoTo63 || value <= static_cast<int64_t>(std::floor(row.max));
}

bool in_range(const OptionRow& row, double value) {
  return std::isfinite(value) && value >= row.min && value <= row.max;
}

std::optional<OptionValue> read_value(const OptionRow& row, std::string_view text) {
  if (allows_auto(row) && text == "auto") return AutoValue{};
  switch (row.type) {
    case OptionType::kInt:
    case OptionType::kSize: {
      const auto value = row.type == OptionType::kInt ? parse_number<int64_t>(text) : parse_size(text);
      if (value && in_range(row, *value)) return *value;
      return std::nullopt;
    }
    case OptionType::kFloat: {
      const auto value = parse_number<double>(text);
      if (value && in_range(row, *value)) return *value;
      return std::nullopt;
    }
    case OptionType::kBool: {
      const auto value = parse_bool(text);
      if (value) return *value;
      return std::nullopt;
    }
    case OptionType::kEnum:
      if (std::find(row.choices.begin(), row.choices.end(), text) == row.choices.end()) return std::nullopt;
      return std::string(text);
    case OptionType::kString:
      return std::string(text);
  }
  return std::nullopt;
}

std::optional<OptionValue> convert_value(const OptionRow& row, const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return read_value(row, *text);
  if (std::holds_alternative<AutoValue>(value)) {
    if (allows_auto(row)) return value;
    return std::nullopt;
  }
  if (const bool* flag = std::get_if<bool>(&value)) {
    if (row.type == OptionType::kBool) return *flag;
    return std::nullopt;
  }
  const bool integral = row.type == OptionType::kInt || row.type == OptionType::kSize;
  if (const auto* number = std::get_if<int64_t>(&value)) {
    if (integral && in_range(row, *number)) return value;
    if (row.type == OptionType::kFloat && in_range(row, static_cast<double>(*number))) {
      return static_cast<double>(*number);
    }
    return std::nullopt;
  }
  const double number = std::get<double>(value);
  if (row.type == OptionType::kFloat && in_range(row, number)) return value;
  if (integral && std::abs(number) < kTwoTo63 && number == std::trunc(number)) {
    const auto whole = static_cast<int64_t>(number);
    if (in_range(row, whole)) return whole;
  }
  return std::nullopt;
}

std::string number_text(double number) {
  char text[32];
  const bool whole = std::abs(number) < 1e15 && number == std::trunc(number);
  const auto result = whole ? std::to_chars(text, text + sizeof text, static_cast<int64_t>(number))
                            : std::to_chars(text, text + sizeof text, number);
  return std::string(text, result.ptr);
}

std::string bounds_text(const OptionRow& row) {
  const bool low = std::isfinite(row.min);
  const bool high = std::isfinite(row.max);
  if (low && high) return " from " + number_text(row.min) + " to " + number_text(row.max);
  if (low) return " of at least " + number_text(row.min);
  if (high) return " of at most " + number_text(row.max);
  return "";
}

}  // namespace

OptionValue parse_option(const OptionRow& row, std::string_view text) {
  auto value = read_value(row, text);
  if (!value) refuse(row, text);
  return *std::move(value);
}

OptionValue check_option(const OptionRow& row, const OptionValue& value) {
  auto checked = convert_value(row, value);
  if (!checked) refuse(row, option_text(value));
  return *std::move(checked);
}

OptionValue option_default(const OptionRow& row) {
  return row.default_text.empty() ? OptionValue(AutoValue{}) : parse_option(row, row.default_text);
}

std::string option_range(const OptionRow& row) {
  std::string range;
  switch (row.type) {
    case OptionType::kInt:
      range = "an integer" + bounds_text(row);
      break;
    case OptionType::kFloat:
      range = "a number" + bounds_text(row);
      break;
    case OptionType::kSize:
      range = "a size in bytes" + bounds_text(row) + ", such as 512M or 4GiB";
      break;
    case OptionType::kBool:
      range = "true or false";
      break;
    case OptionType::kString:
      range = "text";
      break;
    case OptionType::kEnum:
      range = "one of ";
      for (size_t i = 0; i < row.choices.size(); ++i) {
        range += (i == 0 ? "" : ", ") + std::string(row.choices[i]);
      }
      break;
  }
  return allows_auto(row) ? range + ", or auto" : range;
}

std::string option_field(const OptionRow& row) {
  std::string field(row.name);
  std::replace(field.begin(), field.end(), '-', '_');
  return field;
}

std::string option_text(const OptionValue& value) {
  if (std::holds_alternative<AutoValue>(value)) return "auto";
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&value)) {
    char text[32];
    const auto result = std::to_chars(text, text + sizeof text, *number);
    return std::string(text, result.ptr);
  }
  return std::get<std::string>(value);
}

const OptionRow* find_option(std::span<const OptionRow> rows, std::string_view name) {
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  for (const OptionRow& row : rows) {
    if (row.name == dashed) return &row;
  }
  return nullptr;
}

}  // namespace vivace
