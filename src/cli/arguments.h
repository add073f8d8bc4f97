// The parsed command line of a subcommand. Flags are the OptionRows of its CommandRow.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace vivace {

/// Options every subcommand has.
std::span<const OptionRow> common_options();

class Arguments {
 public:
  /// Reads what follows the subcommand's name. Throws Error kInvalidArgument for an unknown flag (with the nearest one
  /// as hint), a missing or surplus argument, a value that its row refuses.
  static Arguments parse(const CommandRow& command, std::span<const std::string> arguments);

  bool help_wanted() const { return help_wanted_; }

  /// A positional argument, or nothing where it was left out.
  const std::string* positional(std::string_view name) const;

  /// All of a repeated one.
  std::vector<std::string> positionals(std::string_view name) const;

  /// True where the flag was given.
  bool given(std::string_view option) const { return values_.find(option) != values_.end(); }
  /// The last value given, or the row's default. AutoValue where there is neither.
  OptionValue value(std::string_view option) const;
  /// Nothing for auto. The option must be a row of that type.
  std::optional<int64_t> integer(std::string_view option) const;
  std::optional<double> number(std::string_view option) const;
  std::optional<std::string> text(std::string_view option) const;
  bool flag(std::string_view option) const;
  /// Every value of an option that may be repeated.
  std::vector<std::string> texts(std::string_view option) const;

 private:
  const OptionRow& row(std::string_view option) const;

  bool help_wanted_ = false;
  std::map<std::string, std::vector<OptionValue>, std::less<>> values_;
  std::map<std::string, std::vector<std::string>, std::less<>> positionals_;
  std::vector<std::span<const OptionRow>> rows_;
};

/// The text of an option; "" for auto and where it was not given and has no default.
inline std::string text_of(const Arguments& arguments, std::string_view name) {
  return arguments.text(name).value_or("");
}

/// The candidate nearest to `word` by edit distance, or "" where none is near.
std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace vivace
