// Options declared once, as rows: command line flags, JSON fields and documentation are all made from them.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vivace {

enum class OptionType {
  kInt,     // int64_t
  kFloat,   // double, finite
  kBool,    // true/false, on/off, yes/no, 1/0
  kString,  // any text
  kEnum,    // one of `choices`
  kSize,    // bytes as int64_t; text may carry K, M, G, T (powers of 1024), also as KiB or KB
};

/// One option. A table of them is constant data, so that the views are string literals.
struct OptionRow {
  std::string_view name;  // with dashes, "context-length"; in JSON "context_length"
  OptionType type = OptionType::kString;
  std::string_view default_text;  // as a user would write it; "auto" allows "auto" as a value; empty: no default
  double min = -std::numeric_limits<double>::infinity();  // inclusive; numbers and sizes
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices = {};  // kEnum
  std::string_view help;                       // one sentence, no full stop
  std::string_view environment = {};           // variable that sets it, empty: none
  std::string_view group = {};                 // heading in help and docs
};

/// The value "auto": whoever uses the option chooses.
struct AutoValue {
  friend bool operator==(AutoValue, AutoValue) { return true; }
};

using OptionValue = std::variant<AutoValue, bool, int64_t, double, std::string>;

/// Reads a value as a user writes it. Throws Error kInvalidArgument naming the option, the text and what is allowed.
OptionValue parse_option(const OptionRow& row, std::string_view text);

/// Checks a value that came typed, for example from JSON: converts an integer to a float or back when that is exact,
/// and a string as parse_option does; then the range. Throws like parse_option.
OptionValue check_option(const OptionRow& row, const OptionValue& value);

/// The value of default_text; AutoValue when that is empty.
OptionValue option_default(const OptionRow& row);

/// What is allowed, for messages and help: "an integer from 1 to 64, or auto", "one of f32, f16, q8_0".
std::string option_range(const OptionRow& row);

/// The JSON field: the name with underscores.
std::string option_field(const OptionRow& row);

/// A value as text that parse_option reads back to the same value.
std::string option_text(const OptionValue& value);

/// The row of that name, spelled with dashes or underscores; null when there is none.
const OptionRow* find_option(std::span<const OptionRow> rows, std::string_view name);

/// Bytes of "1.5GiB", "512 MiB", "8G", "4096": units are powers of 1024. Whole numbers stay exact up to 2^63; nothing
/// for any other text.
std::optional<int64_t> parse_size(std::string_view text);

}  // namespace vivace
