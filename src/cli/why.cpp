#include "cli/why.h"

#include <algorithm>
#include <cmath>

#include "advise/local_machine.h"
#include "advise/why.h"
#include "backends/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "bench/speed_runs.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/run_record.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = "Output"},
};

/// Runs the model for a moment.
RunFacts run_now(const std::filesystem::path& path, const Arguments& arguments, Context& context) {
  constexpr int32_t kTokens = 64, kDepth = 128;
  ModelSession session = plan_session(open_model_file(path), path, arguments, context);
  if (session.plan().context_length < kTokens + kDepth) {
    throw Error(ErrorCode::kContextOverflow, "--context-length is smaller than the 192 tokens that are tried");
  }
  load_session(session, context);
  const SpeedRun run{kTokens, kDepth, 1, 1};
  time_run(session.source->runner(), session.card(), run, throw_if_interrupted);  // warms up
  RunRecorder recorder(session, context);
  recorder.begin();
  const double seconds = time_run(session.source->runner(), session.card(), run, throw_if_interrupted);
  return recorder.facts(kTokens / seconds, {kTokens, kDepth, 1});
}

/// Bytes per second that memory is read with right now, over what was stored; 0 where nothing is.
double rate_now(const Environment& environment) {
  MachineOptions options;
  options.isa = environment.isa;
  options.gpus = false;
  const Machine machine(options);
  const auto stored = stored_speeds(app_paths(environment).data, machine.devices(), VIVACE_VERSION, {});
  if (stored.empty() || stored[0].streams.empty()) return 0;
  const StreamPoint& point = stored[0].streams.back();
  DeviceOptions device;
  device.isa = environment.isa;
  ThreadPool pool(std::max(1, stored[0].threads));
  device.threads = pool.size();
  return measure_cpu_stream(device, pool, size_t(std::min(point.bytes, 268435456.0))) / point.bytes_per_second;
}

std::string time_text(double seconds) { return fixed_text(1e3 * seconds, 2) + " ms"; }

std::string answer_text(const RunFacts& facts, const WhyAnswer& answer, int width) {
  using Align = TextTable::Align;
  std::string text = facts.model + ", " + facts.at + ": " + fixed_text(facts.measured, 1) + " tokens/s";
  if (facts.predicted <= 0) return text + "; no speed is known of this machine: vivace hardware --measure\n";
  text += ", expected " + fixed_text(facts.predicted, 1) +
          (facts.by_measurement ? "\n" : " by a rough guess (vivace hardware --measure makes it a good one)\n");
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"of each token", "time", "share", ""});
  const double total = 1 / facts.measured;
  const auto add = [&](const std::string& name, double seconds) {
    table.add({name, time_text(seconds), fixed_text(100 * seconds / total, 0) + " %",
               bar_text(std::clamp(seconds / total, 0.0, 1.0))});
  };
  add("what it takes at best", 1 / answer.ideal);
  for (const Cause& cause : answer.causes) add(cause.name, cause.seconds);
  if (std::abs(answer.unexplained) > 0.03 * total) {
    add(answer.unexplained > 0 ? "not explained" : "faster than expected", answer.unexplained);
  }
  text += "\n" + table.text();
  if (answer.causes.empty()) text += "\nNothing slowed it down that could be helped.\n";
  for (const Cause& cause : answer.causes) {
    text += "\n" + cause.name + ": " + wrapped_text(cause.evidence, size_t(std::max(40, width)), 2) + ".\n  " +
            wrapped_text("What helps: " + cause.fix + ".", size_t(std::max(40, width - 2)), 2) + "\n";
  }
  return text;
}

int run_why(const Arguments& arguments, Context& context) {
  RunFacts facts;
  if (const auto model = arguments.positional("MODEL")) {
    facts = run_now(locate_model(*model, context), arguments, context);
  } else {
    const std::optional<RunFacts> last = last_run(context.environment);
    if (!last) {
      throw Error(ErrorCode::kNotFound, "nothing has run here yet", "vivace why MODEL tries a model now");
    }
    facts = *last;
  }
  facts.now_rate = rate_now(context.environment);
  const WhyAnswer answer = explain_speed(facts);
  context.console.out(arguments.flag("json") ? dump_json(why_json(facts, answer), 2) + "\n"
                                             : answer_text(facts, answer, context.console.width()));
  return kExitOk;
}

}  // namespace

CommandRow why_command_row() {
  return {.name = "why",
          .group = "Machine",
          .summary = "Say why the last run was as slow as it was, and what helps",
          .description =
              "The time of each generated token is cut into causes: settings (threads, layers that spilled to the CPU, "
              "formats without kernels, a deep context) by what the cost model expects without them, and "
              "circumstances (other programs and virtual machines, swap and disk, a low clock) by what was counted "
              "while it ran. With MODEL, a model is tried now.",
          .positionals = {{"MODEL", false, "A .gguf file or a model in the models folder; the last run if left out"}},
          .options = {kRows, load_options()},
          .examples = {{"why", "after a run that was too slow"}, {"why ./model.gguf --threads 8", "try it now"}},
          .run = run_why};
}

}  // namespace vivace
