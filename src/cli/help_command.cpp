#include "cli/help_command.h"

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/help.h"

namespace vivace {
namespace {

int run_help(const Arguments& arguments, Context& context) {
  const std::string* name = arguments.positional("COMMAND");
  if (name == nullptr) {
    context.console.out(overview_help(commands()));
    return kExitOk;
  }
  const CommandRow* command = find_command(*name);
  if (command == nullptr) throw unknown_command(*name);
  context.console.out(command_help(*command));
  return kExitOk;
}

}  // namespace

CommandRow help_command_row() {
  return {.name = "help",
          .group = "About",
          .summary = "Explain a command",
          .description = "",
          .positionals = {{"COMMAND", false, "Command to explain; without one, the list of all"}},
          .options = {},
          .examples = {},
          .run = run_help};
}

}  // namespace vivace
