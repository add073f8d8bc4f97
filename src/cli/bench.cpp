#include "cli/bench.h"

#include <algorithm>

#include "advise/plan_json.h"
#include "advise/predict_run.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/memory.h"
#include "bench/speed_runs.h"
#include "cli/arguments.h"
#include "cli/bench_page.h"
#include "cli/bench_record.h"
#include "cli/bench_scenario.h"
#include "cli/bench_server.h"
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
#include "cli/progress_bar.h"
#include "cli/run_record.h"
#include "cli/seen_speeds.h"
#include "cli/text_format.h"
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
    {.name = "scenario",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Measure the runs of this file (bench/everyday.toml shows how it looks), one after the other",
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
    {.name = "alarm",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Exit code 5 where the machine's own record for this model and these settings is missed by more than 5 %",
     .group = "Measurement"},
    {.name = "compare",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Measure nothing; set this file of --json beside the one given as MODEL",
     .group = "Measurement"},
    {.name = "format",
     .type = OptionType::kEnum,
     .default_text = "table",
     .choices = {"table", "markdown", "csv", "json", "html"},
     .help = "How the result is printed; html is a page with plots, to be sent to a file",
     .group = "Measurement"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "The same as --format json: one JSON object",
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

std::string format_of(const Arguments& arguments) {
  return arguments.flag("json") ? "json" : arguments.text("format").value_or("table");
}

std::string page_title(const std::filesystem::path& path) { return "Speed of " + path.filename().string(); }

int run_sweep(const Arguments& arguments, Context& context, const std::filesystem::path& path, const Speeds& speeds) {
  Wishes wishes = load_wishes(arguments);
  if (wishes.gpu_layers || !wishes.layer_split.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--sweep gpu-layers chooses the layers itself");
  }
  fit_wishes(speeds, wishes);
  const SweepResult sweep = sweep_gpu_layers(path, machine_options(arguments, context.environment), wishes, speeds,
                                             number(arguments, "points", 9), context);
  const std::string format = format_of(arguments);
  if (format == "json") {
    Json result = sweep_json(sweep);
    result["machine"] = hardware_json(context.environment);
    context.console.out(dump_json(result, 2) + "\n");
  } else if (format == "html") {
    const std::string runs = "medians of " + std::to_string(speeds.repeat) + " runs";
    context.console.out(sweep_page(page_title(path), runs, sweep));
  } else {
    context.console.out(sweep_text(sweep));
  }
  return kExitOk;
}

RunShape shape_of(const SpeedRun& run) { return {run.tokens, run.depth, run.streams}; }

Json predicted_json(const PredictedRates& predicted) {
  const auto rate = [](double value) { return value > 0 ? Json(value) : Json(); };
  return {{"prefill_tokens_per_second", rate(predicted.prefill)}, {"decode_tokens_per_second", rate(predicted.decode)}};
}

Json result_json(const ModelSession& session, const Speeds& speeds, const PredictedRates& predicted, Context& context) {
  Json settings = plan_json(session.plan(), session.source->devices());
  settings["predicted"] = predicted_json(predicted);
  return {
      {"prefill", measurement_json(speeds.prefill)},          {"decode", measurement_json(speeds.decode)},
      {"load_seconds", session.source->model().load_seconds}, {"peak_rss_bytes", read_process_memory().peak_resident},
      {"machine", hardware_json(context.environment)},        {"settings", settings}};
}

std::string result_table(const ModelSession& session, const Speeds& speeds, const PredictedRates& predicted) {
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
  table.add({"peak memory", bytes_text(static_cast<uint64_t>(read_process_memory().peak_resident))});
  return table.text();
}

/// For spreadsheets and pages: heads, then a row for each measurement.
std::vector<std::vector<std::string>> result_rows(const ModelSession& session, const Speeds& speeds,
                                                  const PredictedRates& predicted) {
  std::vector<std::vector<std::string>> rows = {
      {"model", "what", "tokens", "depth", "streams", "tokens/s", "least", "most", "predicted"}};
  for (const Measurement* m : {&speeds.prefill, &speeds.decode}) {
    if (m->run.tokens == 0) continue;
    const double rate = m == &speeds.prefill ? predicted.prefill : predicted.decode;
    std::vector<std::string>& row = rows.emplace_back(1, session.path.filename().string());
    for (std::string& cell : measurement_cells(*m, 2)) row.push_back(std::move(cell));
    row.push_back(rate > 0 ? fixed_text(rate, 2) : "");
  }
  return rows;
}

/// The file's format and the devices that hold layers.
std::string page_subtitle(const ModelSession& session) {
  std::string text = session.card().file_type;
  const std::span<Device* const> devices = session.source->devices();
  for (size_t d = 0, named = 0; d < devices.size(); ++d) {
    if (layers_on(session.plan(), d) > 0) text += (named++ == 0 ? " on " : " and ") + devices[d]->info().name;
  }
  return text + ", " + std::to_string(session.plan().threads) + " threads";
}

std::string print_rows(const std::vector<std::vector<std::string>>& rows, const std::string& format,
                       const ModelSession& session) {
  if (format == "html") return bench_page(page_title(session.path), page_subtitle(session), rows);
  if (format == "csv") return csv_text(rows);
  if (format == "markdown") return markdown_text(rows);
  std::vector<TextTable::Align> columns(rows[0].size(), TextTable::Align::kRight);
  columns[0] = columns[1] = TextTable::Align::kLeft;
  TextTable table(columns);
  for (const auto& row : rows) table.add(row);
  return table.text();
}

/// One load, all runs of the file.
int run_scenario(const Arguments& arguments, Context& context, const std::filesystem::path& path,
                 const std::string& file) {
  std::vector<ScenarioRun> runs = read_scenario(file);
  Speeds largest;
  largest.prefill.run.tokens = scenario_context(runs);
  largest.decode.run.streams = scenario_streams(runs);
  ModelSession session = plan_session(open_model_file(path), path, arguments, context,
                                      [&](const ModelCard&, Wishes& wishes) { fit_wishes(largest, wishes); });
  const std::string format = format_of(arguments);
  if (format == "table") print_plan(session, context);
  load_session(session, context);
  {
    ProgressBar bar(context.console, "measuring", ProgressBar::Unit::kCount);
    size_t done = 0;
    for (ScenarioRun& run : runs) {
      bar.update(done++, runs.size());
      run.measure(*session.source);
    }
  }
  if (format == "json") {
    const Json result = {{"model", path.filename().string()},
                         {"runs", scenario_json(runs)},
                         {"machine", hardware_json(context.environment)},
                         {"settings", plan_json(session.plan(), session.source->devices())}};
    context.console.out(dump_json(result, 2) + "\n");
  } else {
    context.console.out(print_rows(scenario_rows(runs), format, session));
  }
  return kExitOk;
}

int run_bench(const Arguments& arguments, Context& context) {
  if (const std::string before = arguments.text("compare").value_or(""); !before.empty()) {
    context.console.out(comparison_text(before, *arguments.positional("MODEL")));
    return kExitOk;
  }
  if (!arguments.text("server").value_or("").empty()) return run_bench_server(arguments, context);
  Speeds speeds = wanted_speeds(arguments);
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  if (const std::string file = arguments.text("scenario").value_or(""); !file.empty()) {
    return run_scenario(arguments, context, path, file);
  }
  if (arguments.text("sweep").value_or("none") != "none") return run_sweep(arguments, context, path, speeds);
  ModelSession session = plan_session(open_model_file(path), path, arguments, context,
                                      [&](const ModelCard&, Wishes& wishes) { fit_wishes(speeds, wishes); });
  const std::string format = format_of(arguments);
  if (format == "table") print_plan(session, context);
  load_session(session, context);
  RunRecorder recorder(session, context);
  recorder.begin();
  speeds.measure(*session.source);
  const RunShape prefill = shape_of(speeds.prefill.run), decode = shape_of(speeds.decode.run);
  if (decode.tokens > 0) recorder.keep(speeds.decode.rates.median, decode);
  const PredictedRates predicted =
      predict_rates(session.card(), session.plan(), session.source->devices(), recorder.host(), prefill, decode);
  const Json result = result_json(session, speeds, predicted, context);
  const bool slower = keep_benchmark(session, result, context);
  keep_seen_speed(path, predicted, {speeds.prefill.rates.median, speeds.decode.rates.median}, decode.streams, context);
  if (format == "json") {
    context.console.out(dump_json(result, 2) + "\n");
  } else if (format == "table") {
    context.console.out(result_table(session, speeds, predicted));
  } else {
    context.console.out(print_rows(result_rows(session, speeds, predicted), format, session));
  }
  return slower && arguments.flag("alarm") ? kExitSlower : kExitOk;
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
          "most) of the runs. Each result is kept, and a speed that stays below the machine's own record is said.",
      .positionals = {model_argument()},
      .options = {kRows, bench_server_options(), load_options()},
      .examples = {{"bench smollm2-135m-instruct", "the default model"},
                   {"bench ./model.gguf --depth 8192 --kv-type q8_0", "far into a long context"},
                   {"bench ./model.gguf --sweep gpu-layers", "the speed against the layers on the GPU"},
                   {"bench ./model.gguf --prompt 0 --streams 8 --json", "for programs"},
                   {"bench ./model.gguf --scenario bench/everyday.toml", "several uses, one after the other"},
                   {"bench --compare before.json after.json", "two results side by side"},
                   {"bench NAME --server http://127.0.0.1:1234", "a server, with many clients"}},
      .run = run_bench};
}

}  // namespace vivace
