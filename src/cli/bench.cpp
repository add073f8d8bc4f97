#include "cli/bench.h"

#include <algorithm>

#include "advise/plan_json.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/memory.h"
#include "bench/speed_runs.h"
#include "cli/arguments.h"
#include "cli/bench_sweep.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/measurement.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/plan_report.h"
#include "cli/text_format.h"
#include "engine/step.h"
#include "models/model_file.h"
#include "plan/cost/predict.h"

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
    {.name = "sweep",
     .type = OptionType::kEnum,
     .default_text = "none",
     .choices = {"none", "gpu-layers"},
     .help = "Measure at several values of a lever and plot the speed: gpu-layers",
     .group = "Measurement"},
    {.name = "points",
     .type = OptionType::kInt,
     .default_text = "9",
     .min = 2,
     .max = 1000,
     .help = "With --sweep: values to try",
     .group = "Measurement"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = "Measurement"},
};

int32_t number(const Arguments& arguments, const char* name, int32_t otherwise) {
  return static_cast<int32_t>(arguments.integer(name).value_or(otherwise));
}

Speeds wanted_speeds(const Arguments& arguments) {
  Speeds speeds;
  const int32_t depth = number(arguments, "depth", 0);
  speeds.prefill.run = {.tokens = number(arguments, "prompt", 512), .depth = depth};
  speeds.decode.run = {
      .tokens = number(arguments, "generate", 64), .depth = depth, .streams = number(arguments, "streams", 1)};
  speeds.repeat = number(arguments, "repeat", 5);
  if (speeds.prefill.run.tokens + speeds.decode.run.tokens == 0) {
    throw Error(ErrorCode::kInvalidArgument, "--prompt and --generate are both 0");
  }
  return speeds;
}

/// Room for what is to be measured, where the user leaves it open.
void fit_wishes(const Speeds& speeds, Wishes& wishes) {
  const int32_t length = speeds.context_length(), streams = speeds.decode.run.streams;
  if (wishes.context_length.value_or(length) < length) {
    throw Error(ErrorCode::kContextOverflow, "--context-length is smaller than what is to be measured");
  }
  if (wishes.parallel.value_or(streams) < streams) {
    throw Error(ErrorCode::kInvalidArgument, "--parallel is smaller than --streams");
  }
  if (!wishes.context_length) wishes.context_length = length;
  if (!wishes.parallel) wishes.parallel = streams;
}

void print_plan(const ModelSession& session, Context& context) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
  for (auto& [label, text] : plan_lines(session.card(), session.plan(), session.source->devices(), false)) {
    table.add({label, text});
  }
  context.console.err(context.console.faint(table.text()) + "\n");
}

int run_sweep(const Arguments& arguments, Context& context, const std::filesystem::path& path, const Speeds& speeds) {
  Wishes wishes = load_wishes(arguments);
  if (wishes.gpu_layers || !wishes.layer_split.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--sweep gpu-layers chooses the layers itself");
  }
  fit_wishes(speeds, wishes);
  const SweepResult sweep = sweep_gpu_layers(path, machine_options(arguments, context.environment), wishes, speeds,
                                             number(arguments, "points", 9), context);
  if (arguments.flag("json")) {
    Json result = sweep_json(sweep);
    result["machine"] = hardware_json(context.environment);
    context.console.out(dump_json(result, 2) + "\n");
  } else {
    context.console.out(sweep_text(sweep));
  }
  return kExitOk;
}

/// Tokens per second by what is stored of this machine; 0: nothing is.
struct Predicted {
  double prefill = 0, decode = 0;
};

Predicted predict(const ModelSession& session, const Speeds& speeds, Context& context) {
  const Plan& plan = session.plan();
  const std::span<Device* const> devices = session.source->devices();
  const HostFacts host = host_with_speeds(*session.machine, context);
  const auto setting = [&](const std::vector<DeviceSpeed>& of_devices) {
    return StepSetting{session.card(), plan.placement, plan.kv_format, of_devices};
  };
  const std::vector<DeviceSpeed> prefill = speeds_of(host, devices, plan.threads_prefill);
  const std::vector<DeviceSpeed> decode = speeds_of(host, devices, plan.threads);
  if (prefill.empty() || decode.empty()) return {};
  Predicted predicted;
  if (const SpeedRun& run = speeds.prefill.run; run.tokens > 0) {
    predicted.prefill =
        run.tokens / predict_prefill(setting(prefill), run.tokens, run.depth, plan.limits.tokens).total();
  }
  if (const SpeedRun& run = speeds.decode.run; run.tokens > 0) {
    predicted.decode = predict_decode_rate(setting(decode), run.streams, run.depth + run.tokens / 2);
  }
  return predicted;
}

Json predicted_json(const Predicted& predicted) {
  const auto rate = [](double value) { return value > 0 ? Json(value) : Json(); };
  return {{"prefill_tokens_per_second", rate(predicted.prefill)}, {"decode_tokens_per_second", rate(predicted.decode)}};
}

int run_bench(const Arguments& arguments, Context& context) {
  Speeds speeds = wanted_speeds(arguments);
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  if (arguments.text("sweep").value_or("none") != "none") return run_sweep(arguments, context, path, speeds);
  ModelSession session = plan_session(open_model_file(path), path, arguments, context,
                                      [&](const ModelCard&, Wishes& wishes) { fit_wishes(speeds, wishes); });
  if (!arguments.flag("json")) print_plan(session, context);
  load_session(session, context);
  speeds.measure(*session.source);
  const Predicted predicted = predict(session, speeds, context);
  const int64_t peak = read_process_memory().peak_resident;
  if (arguments.flag("json")) {
    Json settings = plan_json(session.plan(), session.source->devices());
    settings["predicted"] = predicted_json(predicted);
    const Json result = {
        {"prefill", measurement_json(speeds.prefill)},          {"decode", measurement_json(speeds.decode)},
        {"load_seconds", session.source->model().load_seconds}, {"peak_rss_bytes", peak},
        {"machine", hardware_json(context.environment)},        {"settings", settings}};
    context.console.out(dump_json(result, 2) + "\n");
    return kExitOk;
  }
  TextTable table(
      {TextTable::Align::kLeft, TextTable::Align::kRight, TextTable::Align::kRight, TextTable::Align::kLeft});
  for (const Measurement* m : {&speeds.prefill, &speeds.decode}) {
    if (m->run.tokens == 0) continue;
    table.add(measurement_row(*m));
    const double rate = m == &speeds.prefill ? predicted.prefill : predicted.decode;
    if (rate > 0) {
      table.add({"", "predicted", fixed_text(rate, 1) + " tokens/s",
                 "(measured: " + fixed_text(100 * m->rates.median / rate, 0) + " % of it)"});
    }
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
                   {"bench ./model.gguf --sweep gpu-layers", "the speed against the layers on the GPU"},
                   {"bench ./model.gguf --prompt 0 --streams 8 --json", "for programs"}},
      .run = run_bench};
}

}  // namespace vivace
