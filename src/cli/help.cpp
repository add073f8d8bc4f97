#include "cli/help.h"

#include <algorithm>

#include "cli/arguments.h"
#include "cli/exit_code.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kHelpColumn = 30;

constexpr ExampleRow kExamples[] = {
    {"run smollm2-135m-instruct \"Why is the sky blue?\"", "answer one prompt"},
    {"chat ./my-model.gguf", "talk, with history"},
    {"inspect ./my-model.gguf", "what is in a model file"},
    {"hardware", "what this machine has to offer"},
    {"bench smollm2-135m-instruct --json", "how fast it is here"},
};

// "--name VALUE", what it takes by its type.
std::string flag_text(const OptionRow& row) {
  std::string text = "--" + std::string(row.name);
  switch (row.type) {
    case OptionType::kBool:
      return text;
    case OptionType::kInt:
      return text + " N";
    case OptionType::kFloat:
      return text + " X";
    case OptionType::kSize:
      return text + " SIZE";
    case OptionType::kString:
      return text + " TEXT";
    case OptionType::kEnum: {
      text += " ";
      for (size_t i = 0; i < row.choices.size(); ++i) text += (i == 0 ? "" : "|") + std::string(row.choices[i]);
      return text;
    }
  }
  return text;
}

std::string entry(const std::string& left, std::string_view help, size_t column = kHelpColumn) {
  std::string line = "  " + left;
  if (text_columns(line) + 2 > column) {
    line += "\n" + std::string(column, ' ');
  } else {
    line += std::string(column - text_columns(line), ' ');
  }
  return line + wrapped_text(help, kWidth, column) + "\n";
}

std::string option_entry(const OptionRow& row) {
  std::string help(row.help);
  if (row.type != OptionType::kBool && !row.default_text.empty()) help += " [" + std::string(row.default_text) + "]";
  if (!row.environment.empty()) help += " (environment: " + std::string(row.environment) + ")";
  return entry(flag_text(row), help);
}

template <class Rows>
std::string example_lines(const Rows& rows) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft}, 2);
  for (const ExampleRow& row : rows) table.add({"vivace " + std::string(row.command), "# " + std::string(row.what)});
  return table.text();
}

void add_option_groups(std::string& page, const CommandRow& command) {
  std::vector<const OptionRow*> rows;
  for (const auto& table : command.options) {
    for (const OptionRow& row : table) rows.push_back(&row);
  }
  for (const OptionRow& row : common_options()) rows.push_back(&row);
  std::vector<std::string_view> groups;
  for (const OptionRow* row : rows) {
    if (std::find(groups.begin(), groups.end(), row->group) == groups.end()) groups.push_back(row->group);
  }
  for (std::string_view group : groups) {
    page += "\n" + std::string(group.empty() ? "Options" : group) + ":\n";
    for (const OptionRow* row : rows) {
      if (row->group == group) page += option_entry(*row);
    }
  }
  page += entry("-h, --help", "This page");
}

}  // namespace

std::string usage_line(const CommandRow& command) {
  std::string line = "vivace " + std::string(command.name);
  for (const PositionalRow& row : command.positionals) {
    const std::string name = std::string(row.name) + (row.repeated ? "…" : "");
    line += row.required ? " " + name : " [" + name + "]";
  }
  return line + " [options]";
}

std::string overview_help(std::span<const CommandRow> commands) {
  std::string page = "Vivace runs large language models (GGUF files) on the machine you have.\n\n";
  page += "Usage: vivace COMMAND [arguments]\n\nExamples:\n" + example_lines(kExamples);
  std::vector<std::string_view> groups;
  for (const CommandRow& command : commands) {
    if (std::find(groups.begin(), groups.end(), command.group) == groups.end()) groups.push_back(command.group);
  }
  for (std::string_view group : groups) {
    page += "\n" + std::string(group) + ":\n";
    for (const CommandRow& command : commands) {
      if (command.group == group) page += entry(std::string(command.name), command.summary, 14);
    }
  }
  page += "\nMODEL is a path to a .gguf file, or the name of one in the models folder (without .gguf).\n";
  page += "vivace help COMMAND explains a command and its options; --json, where a command has it, prints\n";
  page += "one JSON object on standard output and nothing else there.\n";
  page += "\nExit codes:\n";
  for (const ExitCodeRow& row : exit_codes()) page += entry(std::to_string(row.code), row.meaning, 14);
  page += "\nEnvironment:\n";
  page += entry("VIVACE_HOME", "one folder for models, caches and settings (else the XDG folders)", 18);
  page += entry("VIVACE_ISA", "forces a set of CPU kernels, as --isa does", 18);
  page += entry("NO_COLOR", "no colours", 18);
  page += "\nNothing is sent anywhere; the network is used only to fetch a model that you name.\n";
  return page;
}

std::string command_help(const CommandRow& command) {
  std::string page = "Usage: " + usage_line(command) + "\n\n";
  page += wrapped_text(std::string(command.summary) + ".", kWidth, 0) + "\n";
  if (!command.description.empty()) page += "\n" + wrapped_text(command.description, kWidth, 0) + "\n";
  if (!command.examples.empty()) page += "\nExamples:\n" + example_lines(command.examples);
  if (!command.positionals.empty()) page += "\nArguments:\n";
  for (const PositionalRow& row : command.positionals) page += entry(std::string(row.name), row.help);
  add_option_groups(page, command);
  return page;
}

}  // namespace vivace
