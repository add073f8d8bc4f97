#include "cli/hardware.h"

#include "base/json.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"

namespace vivace {
namespace {

const OptionRow kOptions[] = {
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
};

int run_hardware(const Arguments& arguments, Context& context) {
  const Json hardware = hardware_json(context.environment);
  context.console.out(arguments.flag("json") ? dump_json(hardware, 2) + "\n" : hardware_text(hardware));
  return kExitOk;
}

}  // namespace

CommandRow hardware_command_row() {
  return {.name = "hardware",
          .group = "Machine",
          .summary = "Show what this machine has to offer: cores, caches, kernels, memory and its limits, GPUs",
          .description = "",
          .positionals = {},
          .options = {kOptions},
          .examples = {{"hardware --json", "for programs"}},
          .run = run_hardware};
}

}  // namespace vivace
