// What a subcommand is: one row with its words, its options and the function that runs it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/option.h"
#include "base/os/paths.h"

namespace vivace {

class Arguments;
class Console;

/// An argument without a flag. Optional ones come last.
struct PositionalRow {
  std::string_view name;  // in capitals, as the help writes it
  bool required = true;
  std::string_view help;
  bool repeated = false;  // the last one may be: any number of them
};

struct ExampleRow {
  std::string_view command;  // without the leading "vivace "
  std::string_view what;
};

/// What main hands to a subcommand.
struct Context {
  const Environment& environment;
  Console& console;
  Logger log;
};

struct CommandRow {
  std::string_view name;
  std::string_view group;        // heading in the list of commands
  std::string_view summary;      // one line without a full stop
  std::string_view description;  // paragraphs of its help page, may be empty
  std::vector<PositionalRow> positionals;
  std::vector<std::span<const OptionRow>> options;
  std::vector<ExampleRow> examples;
  /// Returns the exit code; throws Error.
  int (*run)(const Arguments& arguments, Context& context);
};

}  // namespace vivace
