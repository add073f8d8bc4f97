#include "cli/hardware.h"

#include "advise/local_machine.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "engine/machine.h"
#include "store/speed_json.h"
#include "tune/measure_speed.h"

namespace vivace {
namespace {

const OptionRow kOptions[] = {
    {.name = "measure",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Measure how fast this machine computes, on the CPU with every weight format and on each GPU, and keep it "
             "for plans (about ten seconds)"},
    {.name = "limits",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Measure only what no kernel can pass: reading memory and multiplying int8 (a second or two)"},
    {.name = "threads",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Threads that measure"},
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
};

/// Measures the CPU, and stores what it and the GPUs, which were measured already, reach.
Json measure_and_keep(Context& context, const std::vector<DeviceInfo>& gpus) {
  const Environment& environment = context.environment;
  MachineOptions machine_options;
  machine_options.isa = environment.isa;
  machine_options.gpus = false;
  const Machine machine(machine_options);
  const DeviceInfo& cpu = machine.devices()[0]->info();
  MeasureOptions options;
  options.isa = environment.isa;
  options.threads = options.cores = machine.host().physical_cores;
  options.memory = cpu.memory_usable / 2;
  ProgressBar bar(context.console, "measuring", ProgressBar::Unit::kCount);
  options.progress = [&](size_t done, size_t total) {
    bar.update(done, total);
    return !interrupted();
  };
  const auto tell = [&](const std::string& note) { context.console.err("note: " + note + "\n"); };
  SpeedStore store = SpeedStore::open(app_paths(environment).data, tell);
  Json speeds = Json::array();
  const auto keep = [&](const DeviceInfo& info, const DeviceSpeed& speed) {
    store.keep(speed_key(info, VIVACE_VERSION), speed, date_text());
    speeds.push_back(speed_json(speed));
  };
  keep(cpu, measure_cpu_speed(options));
  for (const DeviceInfo& gpu : gpus) keep(gpu, speed_of_measured_gpu(gpu));
  return speeds;
}

int run_hardware(const Arguments& arguments, Context& context) {
  Json hardware = hardware_json(context.environment);
  const bool measure = arguments.flag("measure");
  const auto threads = static_cast<int>(arguments.integer("threads").value_or(0));
  std::vector<DeviceInfo> gpus;
  hardware["devices"] = devices_json(context.environment, measure, gpus);
  if (measure || arguments.flag("limits")) hardware["measured"] = measured_json(context.environment, threads);
  if (measure) hardware["speeds"] = measure_and_keep(context, gpus);
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
      .examples = {{"hardware --json", "for programs"},
                   {"hardware --measure", "once, so that vivace plan knows how fast this machine is"}},
      .run = run_hardware};
}

}  // namespace vivace
