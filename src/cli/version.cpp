#include "cli/version.h"

#include "base/json.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"

namespace vivace {
namespace {

const OptionRow kOptions[] = {
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
};

int run_version(const Arguments& arguments, Context& context) {
  if (arguments.flag("json")) {
    context.console.out(dump_json(Json{{"name", "vivace"}, {"version", std::string(VIVACE_VERSION)}}) + "\n");
  } else {
    context.console.out("vivace " + std::string(VIVACE_VERSION) + "\n");
  }
  return kExitOk;
}

}  // namespace

CommandRow version_command_row() {
  return {.name = "version",
          .group = "About",
          .summary = "Print the version",
          .description = "",
          .positionals = {},
          .options = {kOptions},
          .examples = {},
          .run = run_version};
}

}  // namespace vivace
