// The wrapper of CLI11: it splits the command line, option rows check the values.
#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"

namespace vivace {
namespace {

const OptionRow kCommon[] = {
    {.name = "log-level",
     .type = OptionType::kEnum,
     .default_text = "warn",
     .choices = {"trace", "debug", "info", "warn", "error", "off"},
     .help = "Least severe log message that is written to standard error",
     .group = "General"},
    {.name = "log-format",
     .type = OptionType::kEnum,
     .default_text = "text",
     .choices = {"text", "json"},
     .help = "Form of log messages",
     .group = "General"},
};

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

[[noreturn]] void refuse(const CommandRow& command, std::string what, std::string hint = {}) {
  if (hint.empty()) hint = "see vivace help " + std::string(command.name);
  throw Error(ErrorCode::kInvalidArgument, std::move(what), std::move(hint));
}

// CLI11 keeps what it doesn't know in remaining(): the first of it is the culprit.
void refuse_unknown(const CommandRow& command, const std::string& word) {
  if (word.size() < 2 || word[0] != '-') refuse(command, "unexpected argument '" + word + "'");
  std::vector<std::string_view> names = {"help"};
  for (const auto& rows : command.options) {
    for (const OptionRow& row : rows) names.push_back(row.name);
  }
  const std::string name =
      word.substr(word.find_first_not_of('-') == std::string::npos ? 0 : word.find_first_not_of('-'));
  const std::string near = nearest_name(name.substr(0, name.find('=')), names);
  refuse(command, "vivace " + std::string(command.name) + " has no option '" + word + "'",
         near.empty() ? "" : "did you mean --" + near + "?");
}

}  // namespace

std::span<const OptionRow> common_options() { return kCommon; }

std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

Arguments Arguments::parse(const CommandRow& command, std::span<const std::string> arguments) {
  Arguments result;
  result.rows_ = command.options;
  result.rows_.push_back(common_options());

  CLI::App app;
  app.allow_extras();
  app.set_help_flag();
  CLI::Option* help = app.add_flag("-h,--help");
  std::vector<std::pair<const OptionRow*, CLI::Option*>> options;
  std::vector<std::string> storage;  // CLI11 wants a variable for each option
  size_t count = command.positionals.size();
  for (const auto& rows : result.rows_) count += rows.size();
  storage.reserve(count);
  std::vector<std::vector<std::string>> lists(count);
  size_t next = 0;
  for (const auto& rows : result.rows_) {
    for (const OptionRow& row : rows) {
      const std::string flag = "--" + std::string(row.name);
      CLI::Option* option = row.type == OptionType::kBool ? app.add_flag(flag) : app.add_option(flag, lists[next++]);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      if (row.type != OptionType::kBool) option->expected(1)->allow_extra_args(false);
      options.emplace_back(&row, option);
    }
  }
  std::vector<std::pair<const PositionalRow*, CLI::Option*>> positionals;
  for (const PositionalRow& row : command.positionals) {
    if (row.repeated) {
      positionals.emplace_back(&row, app.add_option(std::string(row.name), lists[next++]));
    } else {
      storage.emplace_back();
      positionals.emplace_back(&row, app.add_option(std::string(row.name), storage.back()));
    }
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    refuse(command, error.what());
  }
  result.help_wanted_ = help->count() > 0;
  if (result.help_wanted_) return result;
  const std::vector<std::string> rest = app.remaining();
  if (!rest.empty()) refuse_unknown(command, rest.front());
  for (const auto& [row, option] : options) {
    if (option->count() == 0) continue;
    std::vector<OptionValue>& values = result.values_[std::string(row->name)];
    for (const std::string& text : option->results()) values.push_back(parse_option(*row, text));
  }
  for (const auto& [row, option] : positionals) {
    if (option->count() > 0) {
      result.positionals_[std::string(row->name)] = option->results();
    } else if (row->required) {
      refuse(command, "vivace " + std::string(command.name) + " needs " + std::string(row->name));
    }
  }
  return result;
}

const std::string* Arguments::positional(std::string_view name) const {
  const auto found = positionals_.find(name);
  return found == positionals_.end() ? nullptr : &found->second.front();
}

std::vector<std::string> Arguments::positionals(std::string_view name) const {
  const auto found = positionals_.find(name);
  return found == positionals_.end() ? std::vector<std::string>() : found->second;
}

const OptionRow& Arguments::row(std::string_view option) const {
  for (const auto& rows : rows_) {
    if (const OptionRow* found = find_option(rows, option)) return *found;
  }
  throw Error(ErrorCode::kInternal, "no option row --" + std::string(option));
}

OptionValue Arguments::value(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? option_default(row(option)) : found->second.back();
}

std::optional<int64_t> Arguments::integer(std::string_view option) const {
  const OptionValue found = value(option);
  if (const auto* number = std::get_if<int64_t>(&found)) return *number;
  return std::nullopt;
}

std::optional<double> Arguments::number(std::string_view option) const {
  const OptionValue found = value(option);
  if (const auto* real = std::get_if<double>(&found)) return *real;
  return std::nullopt;
}

std::optional<std::string> Arguments::text(std::string_view option) const {
  OptionValue found = value(option);
  if (auto* string = std::get_if<std::string>(&found)) return std::move(*string);
  return std::nullopt;
}

bool Arguments::flag(std::string_view option) const {
  const OptionValue found = value(option);
  const bool* on = std::get_if<bool>(&found);
  return on != nullptr && *on;
}

std::vector<std::string> Arguments::texts(std::string_view option) const {
  std::vector<std::string> result;
  if (const auto found = values_.find(option); found != values_.end()) {
    for (const OptionValue& value : found->second) result.push_back(std::get<std::string>(value));
  }
  return result;
}

}  // namespace vivace
