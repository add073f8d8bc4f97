#include "cli/bench.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/json.h"
#include "base/os/memory.h"
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
     .help = "Tokens to generate from an empty context (decode); 0: don't measure",
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

using Clock = std::chrono::steady_clock;

struct Rates {
  double median = 0, min = 0, max = 0;  // tokens per second
};

Rates rates_of(int32_t tokens, std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const size_t half = seconds.size() / 2;
  const double middle = seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  return {tokens / middle, tokens / seconds.back(), tokens / seconds.front()};
}

// The same tokens in every run and on every machine; speed does not depend on which.
std::vector<TokenId> arbitrary_tokens(int32_t count, int32_t vocabulary) {
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  uint32_t state = 12345;
  for (TokenId& token : tokens) {
    state = state * 1664525u + 1013904223u;
    token = static_cast<TokenId>((state >> 8) % static_cast<uint32_t>(vocabulary));
  }
  return tokens;
}

/// Feeds `tokens` to an empty context in steps of at most `step` tokens; returns the seconds it took.
double feed(StepRunner& runner, std::span<const TokenId> tokens, int32_t step) {
  PageTables tables;
  const auto count = static_cast<int32_t>(tokens.size());
  const Clock::time_point start = Clock::now();
  for (int32_t begin = 0; begin < count; begin += step) {
    throw_if_interrupted();
    const int32_t size = std::min(step, count - begin);
    if (!runner.grow(tables, begin, begin + size))
      throw Error(ErrorCode::kInternal, "the KV pool is smaller than the plan");
    const bool wanted = step == 1 || begin + size == count;  // as an answer needs them
    const StepSequence sequence{tokens.subspan(size_t(begin), size_t(size)), begin, &tables, wanted ? 1 : 0};
    runner.run({&sequence, 1});
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  runner.release(tables);
  return seconds;
}

Rates measure(StepRunner& runner, std::span<const TokenId> tokens, int32_t step, int64_t repeat) {
  if (tokens.empty()) return {};
  std::vector<double> seconds;
  feed(runner, tokens, step);
  for (int64_t i = 0; i < repeat; ++i) seconds.push_back(feed(runner, tokens, step));
  return rates_of(static_cast<int32_t>(tokens.size()), seconds);
}

Json rates_json(int32_t tokens, const Rates& rates) {
  return {{"tokens", tokens},
          {"tokens_per_second", {{"median", rates.median}, {"min", rates.min}, {"max", rates.max}}}};
}

std::vector<std::string> rates_row(const char* name, int32_t tokens, const Rates& rates) {
  return {name, std::to_string(tokens) + " tokens", fixed_text(rates.median, 1) + " tokens/s",
          "(" + fixed_text(rates.min, 1) + " to " + fixed_text(rates.max, 1) + ")"};
}

int run_bench(const Arguments& arguments, Context& context) {
  const auto prompt = static_cast<int32_t>(arguments.integer("prompt").value_or(512));
  const auto generate = static_cast<int32_t>(arguments.integer("generate").value_or(64));
  const int64_t repeat = arguments.integer("repeat").value_or(5);
  if (prompt + generate == 0) throw Error(ErrorCode::kInvalidArgument, "--prompt and --generate are both 0");
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  ModelSession session =
      plan_session(open_model_file(path), path, arguments, context, [&](const ModelCard&, Wishes& wishes) {
        if (!wishes.context_length) wishes.context_length = std::max(prompt, generate);
        if (*wishes.context_length < std::max(prompt, generate)) {
          throw Error(ErrorCode::kContextOverflow, "--context-length is smaller than what is to be measured");
        }
      });
  if (!arguments.flag("json")) {
    TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
    for (auto& [label, text] : plan_lines(session.card, session.plan, session.machine->devices(), false)) {
      table.add({label, text});
    }
    context.console.err(context.console.faint(table.text()) + "\n");
  }
  load_session(session, context);
  StepRunner runner(*session.model);
  const std::vector<TokenId> tokens = arbitrary_tokens(std::max(prompt, generate), session.card.vocabulary);
  const std::span<const TokenId> all(tokens);
  const Rates prefill = measure(runner, all.first(size_t(prompt)), runner.limits().tokens, repeat);
  const Rates decode = measure(runner, all.first(size_t(generate)), 1, repeat);
  const int64_t peak = read_process_memory().peak_resident;
  if (arguments.flag("json")) {
    const Json result = {{"prefill", rates_json(prompt, prefill)},
                         {"decode", rates_json(generate, decode)},
                         {"load_seconds", session.model->load_seconds},
                         {"peak_rss_bytes", peak},
                         {"machine", hardware_json(context.environment)},
                         {"settings", plan_json(session.plan, session.machine->devices())}};
    context.console.out(dump_json(result, 2) + "\n");
    return kExitOk;
  }
  TextTable table(
      {TextTable::Align::kLeft, TextTable::Align::kRight, TextTable::Align::kRight, TextTable::Align::kLeft});
  if (prompt > 0) table.add(rates_row("prefill", prompt, prefill));
  if (generate > 0) table.add(rates_row("decode", generate, decode));
  table.add({"load", seconds_text(session.model->load_seconds)});
  table.add({"peak memory", bytes_text(static_cast<uint64_t>(peak))});
  context.console.out(table.text());
  return kExitOk;
}

}  // namespace

CommandRow bench_command_row() {
  return {.name = "bench",
          .group = "Machine",
          .summary = "Measure how fast a model runs here",
          .description =
              "Prefill is one prompt read into an empty context; decode is one token after the other from an empty "
              "context. Works without a vocabulary. The figures are median (least to most) of the runs.",
          .positionals = {model_argument()},
          .options = {kRows, load_options()},
          .examples = {{"bench smollm2-135m-instruct", "the default model"},
                       {"bench ./model.gguf --prompt 2048 --generate 128 --repeat 3 --json", "for programs"}},
          .run = run_bench};
}

}  // namespace vivace
