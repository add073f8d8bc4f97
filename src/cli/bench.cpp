#include "cli/bench.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/os/memory.h"
#include "bench/speed_runs.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/plan_report.h"
#include "cli/text_format.h"
#include "engine/step.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "prompt",
     .type = OptionType::kInt,
     .default_text = "512",
     .min = 0,
     .max = 1 << 24,
     .help = "Tokens of the prompt (prefill); 0: don't measure",
     .group = "Measurement"},
    {.name = "generate",
     .type = OptionType::kInt,
     .default_text = "64",
     .min = 0,
     .max = 1 << 24,
     .help = "Tokens to generate (decode); 0: don't measure",
     .group = "Measurement"},
    {.name = "depth",
     .type = OptionType::kInt,
     .default_text = "0",
     .min = 0,
     .max = 1 << 24,
     .help = "Tokens in the context before either is measured",
     .group = "Measurement"},
    {.name = "streams",
     .type = OptionType::kInt,
     .default_text = "1",
     .min = 1,
     .max = 1024,
     .help = "Sequences decoded side by side; the speed is that of all together",
     .group = "Measurement"},
    {.name = "repeat",
     .type = OptionType::kInt,
     .default_text = "5",
     .min = 1,
     .max = 10000,
     .help = "Runs of each, after one that warms up",
     .group = "Measurement"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = "Measurement"},
};

struct Measurement {
  const char* name;
  SpeedRun run;
  Rates rates;
};

Json measurement_json(const Measurement& m) {
  return {{"tokens", m.run.tokens},
          {"depth", m.run.depth},
          {"streams", m.run.streams},
          {"tokens_per_second",
           {{"median", m.rates.median}, {"mean", m.rates.mean}, {"min", m.rates.min}, {"max", m.rates.max}}}};
}

std::vector<std::string> measurement_row(const Measurement& m) {
  std::string what = std::to_string(m.run.tokens) + " tokens";
  if (m.run.streams > 1) what = std::to_string(m.run.streams) + " x " + what;
  if (m.run.depth > 0) what += " at " + std::to_string(m.run.depth);
  return {m.name, what, fixed_text(m.rates.median, 1) + " tokens/s",
          "(" + fixed_text(m.rates.min, 1) + " to " + fixed_text(m.rates.max, 1) + ")"};
}

int32_t number(const Arguments& arguments, const char* name, int32_t otherwise) {
  return static_cast<int32_t>(arguments.integer(name).value_or(otherwise));
}

/// The model planned for what is to be measured; its plan printed unless JSON is wanted.
ModelSession plan_measurement(const Arguments& arguments, Context& context, int32_t length, int32_t streams) {
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  ModelSession session =
      plan_session(open_model_file(path), path, arguments, context, [&](const ModelCard&, Wishes& wishes) {
        if (wishes.context_length.value_or(length) < length) {
          throw Error(ErrorCode::kContextOverflow, "--context-length is smaller than what is to be measured");
        }
        if (wishes.parallel.value_or(streams) < streams) {
          throw Error(ErrorCode::kInvalidArgument, "--parallel is smaller than --streams");
        }
        if (!wishes.context_length) wishes.context_length = length;
        if (!wishes.parallel) wishes.parallel = streams;
      });
  if (!arguments.flag("json")) {
    TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
    for (auto& [label, text] : plan_lines(session.card(), session.plan(), session.source->devices(), false)) {
      table.add({label, text});
    }
    context.console.err(context.console.faint(table.text()) + "\n");
  }
  return session;
}

int run_bench(const Arguments& arguments, Context& context) {
  const int32_t prompt = number(arguments, "prompt", 512), generate = number(arguments, "generate", 64);
  const int32_t depth = number(arguments, "depth", 0), streams = number(arguments, "streams", 1);
  if (prompt + generate == 0) throw Error(ErrorCode::kInvalidArgument, "--prompt and --generate are both 0");
  ModelSession session = plan_measurement(arguments, context, depth + std::max(prompt, generate), streams);
  load_session(session, context);
  StepRunner& runner = session.source->runner();
  Measurement prefill{"prefill", {.tokens = prompt, .depth = depth, .step = runner.limits().tokens}, {}};
  Measurement decode{"decode", {.tokens = generate, .depth = depth, .streams = streams}, {}};
  for (Measurement* m : {&prefill, &decode}) {
    m->rates =
        measure_speed(runner, session.card(), m->run, arguments.integer("repeat").value_or(5), throw_if_interrupted);
  }
  const int64_t peak = read_process_memory().peak_resident;
  if (arguments.flag("json")) {
    const Json result = {{"prefill", measurement_json(prefill)},
                         {"decode", measurement_json(decode)},
                         {"load_seconds", session.source->model().load_seconds},
                         {"peak_rss_bytes", peak},
                         {"machine", hardware_json(context.environment)},
                         {"settings", plan_json(session.plan(), session.source->devices())}};
    context.console.out(dump_json(result, 2) + "\n");
    return kExitOk;
  }
  TextTable table(
      {TextTable::Align::kLeft, TextTable::Align::kRight, TextTable::Align::kRight, TextTable::Align::kLeft});
  for (const Measurement* m : {&prefill, &decode}) {
    if (m->run.tokens > 0) table.add(measurement_row(*m));
  }
  table.add({"load", seconds_text(session.source->model().load_seconds)});
  table.add({"peak memory", bytes_text(static_cast<uint64_t>(peak))});
  context.console.out(table.text());
  return kExitOk;
}

}  // namespace

CommandRow bench_command_row() {
  return {
      .name = "bench",
      .group = "Machine",
      .summary = "Measure how fast a model runs here",
      .description =
          "Prefill is one prompt read into a context that holds --depth tokens; decode is one token after the other "
          "from there, in --streams sequences at once. Works without a vocabulary. The figures are median (least to "
          "most) of the runs.",
      .positionals = {model_argument()},
      .options = {kRows, load_options()},
      .examples = {{"bench smollm2-135m-instruct", "the default model"},
                   {"bench ./model.gguf --depth 8192 --kv-type q8_0", "far into a long context"},
                   {"bench ./model.gguf --prompt 0 --streams 8 --json", "for programs"}},
      .run = run_bench};
}

}  // namespace vivace
