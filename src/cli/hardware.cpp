#include "cli/hardware.h"

#include "base/json.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"

namespace vivace {
namespace {

const OptionRow kOptions[] = {
    {.name = "measure",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Also measure how fast memory is read and numbers are multiplied, on the CPU and on each GPU"},
    {.name = "threads",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Threads that measure"},
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
};

int run_hardware(const Arguments& arguments, Context& context) {
  Json hardware = hardware_json(context.environment);
  hardware["devices"] = devices_json(context.environment, arguments.flag("measure"));
  if (arguments.flag("measure")) {
    hardware["measured"] =
        measured_json(context.environment, static_cast<int>(arguments.integer("threads").value_or(0)));
  }
  context.console.out(arguments.flag("json") ? dump_json(hardware, 2) + "\n" : hardware_text(hardware));
  return kExitOk;
}

}  // namespace

CommandRow hardware_command_row() {
  return {
      .name = "hardware",
      .group = "Machine",
      .summary =
          "Show what this machine has to offer: cores, caches, kernels, memory and its limits, GPUs and their names",
      .description = "",
      .positionals = {},
      .options = {kOptions},
      .examples = {{"hardware --json", "for programs"}, {"hardware --measure", "what decode and prefill can reach"}},
      .run = run_hardware};
}

}  // namespace vivace
