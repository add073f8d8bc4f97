#include "cli/plan.h"

#include <algorithm>
#include <fstream>
#include <memory>

#include "advise/answer_json.h"
#include "advise/forecast_text.h"
#include "advise/goals.h"
#include "advise/local_machine.h"
#include "advise/plan_page.h"
#include "advise/plan_sweep.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/hardware_catalog.h"
#include "catalog/model_catalog.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/plan_report.h"
#include "cli/seen_speeds.h"
#include "cli/text_format.h"
#include "cli/tuned.h"
#include "engine/machine.h"
#include "models/model_file.h"
#include "models/paper_card.h"

namespace vivace {
namespace {

constexpr const char* kQuestion = "Question";

const OptionRow kRows[] = {
    {.name = "hardware",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Plan for another machine: rtx-4090, \"2x rtx-3090\", \"epyc-9554 + rtx-4090\"; vivace catalog hardware "
             "lists them",
     .group = kQuestion},
    {.name = "quant",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Quantisation of a model that is named by its shape (default: Q4_K_M)",
     .group = kQuestion},
    {.name = "for",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Choose context, batch and parallel for a use: chat, code, documents, agent, server",
     .group = kQuestion},
    {.name = "prompt",
     .type = OptionType::kInt,
     .default_text = "512",
     .min = 1,
     .max = 1 << 24,
     .help = "Tokens of the prompt that prefill and time to first token are predicted for",
     .group = kQuestion},
    {.name = "disk-speed",
     .type = OptionType::kFloat,
     .default_text = "2",
     .min = 0.001,
     .max = 1000,
     .help = "Of the disk, in GB/s, for models that memory has no room for",
     .group = kQuestion},
    {.name = "sweep",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Predict at many values of a lever: gpu-layers, context-length, batch-size, parallel, threads",
     .group = kQuestion},
    {.name = "without",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Leave out a pass of the planner (with commas: several), to see what it is for; --explain names them",
     .group = kQuestion},
    {.name = "explain",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Also say what the planner's passes are and where the time of a token goes",
     .group = kQuestion},
    {.name = "html",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Also write the answer as a page with plots into this file",
     .group = kQuestion},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = kQuestion},
};

/// The devices that are planned for, this machine's or a catalogue's.
struct Hardware {
  std::string name = "this machine";
  std::unique_ptr<Machine> machine;  // of this machine; null: of a catalogue
  PaperMachine paper;                // of a catalogue
  std::vector<Device*> devices;
  HostFacts host;                    // with the speeds that are known, as run and chat plan with
  std::vector<DeviceSpeed> guesses;  // to predict with where none is known
};

Hardware look_at_hardware(const Arguments& arguments, Context& context) {
  Hardware hardware;
  const std::string wanted = text_of(arguments, "hardware");
  if (!wanted.empty()) {
    hardware.paper = make_paper_machine(hardware_catalog(), wanted);
    hardware.name = hardware.paper.name;
    hardware.devices = hardware.paper.device_pointers();
    hardware.host = hardware.paper.host;
    return hardware;
  }
  const auto tell = [&context](const std::string& note) { context.console.err("note: " + note + "\n"); };
  hardware.machine = std::make_unique<Machine>(machine_options(arguments, context.environment));
  for (const std::string& note : hardware.machine->notes()) tell(note);
  hardware.devices.assign(hardware.machine->devices().begin(), hardware.machine->devices().end());
  hardware.host = hardware.machine->host();
  hardware.host.speeds = stored_speeds(app_paths(context.environment).data, hardware.devices, VIVACE_VERSION, tell);
  hardware.guesses = guessed_speeds(hardware.devices, hardware.host.physical_cores);
  return hardware;
}

/// Of a file, of which the header is enough, or of a shape in the catalogue.
ModelCard read_card(const std::string& model, const std::string& quant, const Context& context) {
  if (const auto path = find_model_file(model, context)) {
    if (!quant.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "--quant is for models named by their shape, and " + path->string() +
                                                   " is a file with a quantisation of its own");
    }
    return read_card_for_planning(open_model_header(*path));
  }
  if (const ModelShape* shape = find_model_shape(model)) return shape_card(*shape, quant.empty() ? "Q4_K_M" : quant);
  std::vector<std::string> names = local_models(app_paths(context.environment).models);
  for (const ModelShape& shape : model_shapes()) names.push_back(shape.name);
  const std::string near = nearest_name(model, std::vector<std::string_view>(names.begin(), names.end()));
  throw Error(ErrorCode::kNotFound, "no model file and no known shape is called '" + model + "'",
              near.empty() ? "vivace catalog models lists the shapes" : "did you mean " + near + "?");
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) names.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return names;
}

void add_forecast(TextTable& table, const Forecast& forecast) {
  table.add({"prefill", rate_text(forecast.prefill_tokens_per_second),
             "a prompt of " + std::to_string(forecast.prompt) + " tokens"});
  table.add({"first token", seconds_text(forecast.time_to_first_token), "after that prompt"});
  for (const DecodeForecast& point : forecast.decode) {
    table.add({"decode", rate_text(point.tokens_per_second), decode_case_text(point)});
  }
}

std::string paragraph(const std::string& sentence, int width) {
  return "  - " + wrapped_text(sentence, size_t(std::max(40, width - 2)), 4) + "\n";
}

std::string passes_text() {
  std::string text = "\nThe planner's passes, in their order (--without NAME leaves one out):\n";
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft}, 2);
  for (const PlanPass& pass : plan_passes()) table.add({pass.name, pass.what});
  return text + table.text();
}

std::string where_time_goes(const StepTime& time) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kRight, TextTable::Align::kLeft}, 2);
  const std::pair<const char*, double> parts[] = {{"weights", time.weights},
                                                  {"attention", time.attention},
                                                  {"the rest", time.between},
                                                  {"between devices", time.hops},
                                                  {"disk", time.disk}};
  for (const auto& [name, seconds] : parts) {
    if (seconds > 0) table.add({name, fixed_text(seconds * 1e3, 3) + " ms", bar_text(seconds / time.total())});
  }
  return "\nThe time of one token:\n" + table.text();
}

std::string answer_text(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context, bool explain,
                        int width) {
  std::string text;
  if (!answer.fits) {
    text += "This does not fit: " + answer.refusal + ".\n";
    if (!answer.hint.empty()) text += "Hint: " + answer.hint + ".\n";
    text += "The nearest plan that fits changes:\n";
    for (const std::string& change : answer.changes) text += paragraph(change, width);
    text += "\n";
  }
  TextTable plan({TextTable::Align::kLeft, TextTable::Align::kLeft});
  for (auto& [label, line] : plan_lines(card, answer.plan, context.devices, false)) plan.add({label, line});
  text += plan.text();
  if (answer.forecast) {
    const std::string basis = context.basis == "measured"    ? "by what was measured here"
                              : context.basis == "catalogue" ? "by the catalogue: " + context.hardware
                                                             : "a rough estimate: nothing was measured here yet";
    text += "\nPredicted, " + basis + ":\n";
    using Align = TextTable::Align;
    TextTable speeds({Align::kLeft, Align::kRight, Align::kLeft}, 2);
    add_forecast(speeds, *answer.forecast);
    text += speeds.text();
  }
  text += "\nWhy:\n";
  for (const std::string& reason : answer.plan.reasons) text += paragraph(reason, width);
  for (const std::string& reason : speed_reasons(card, answer, context)) text += paragraph(reason, width);
  if (explain) {
    if (answer.forecast) text += where_time_goes(answer.forecast->token);
    text += passes_text();
  }
  return text;
}

std::string sweep_text(const PlanSweep& sweep) {
  using Align = TextTable::Align;
  TextTable table({Align::kRight, Align::kRight, Align::kLeft, Align::kRight, Align::kLeft, Align::kRight});
  double prefill = 0, decode = 0;
  for (const PlanSweepPoint& point : sweep.points) {
    prefill = std::max(prefill, point.prefill_tokens_per_second);
    decode = std::max(decode, point.decode_tokens_per_second);
  }
  table.add({sweep.lever, "prefill t/s", "", "decode t/s", "", "memory"});
  for (const PlanSweepPoint& point : sweep.points) {
    const std::string value = std::to_string(point.value);
    if (!point.refusal.empty()) {
      table.add({value, "does not fit"});
      continue;
    }
    std::string memory;
    for (const auto& [device, bytes] : point.memory) {
      if (bytes > 0) memory += (memory.empty() ? "" : ", ") + device + " " + bytes_text(bytes);
    }
    table.add({value, fixed_text(point.prefill_tokens_per_second, 1),
               bar_text(prefill > 0 ? point.prefill_tokens_per_second / prefill : 0),
               fixed_text(point.decode_tokens_per_second, 1),
               bar_text(decode > 0 ? point.decode_tokens_per_second / decode : 0), memory});
  }
  return table.text();
}

void write_page(const std::string& file, const std::string& page) {
  std::ofstream out(file, std::ios::binary);
  out << page;
  out.close();
  if (!out)
    throw Error(ErrorCode::kIo, "can't write the page '" + file + "'", "is its folder there and the disk not full?");
}

int run_plan(const Arguments& arguments, Context& context) {
  const std::string model = *arguments.positional("MODEL");
  const ModelCard card = read_card(model, text_of(arguments, "quant"), context);
  const Hardware hardware = look_at_hardware(arguments, context);
  Wishes wishes = load_wishes(arguments);
  wishes.without = split_names(text_of(arguments, "without"));
  if (!hardware.machine) wishes.devices_named = true;
  ForecastOptions options;
  options.prompt = static_cast<int32_t>(arguments.integer("prompt").value_or(512));
  options.guesses = hardware.guesses;
  if (const auto file = find_model_file(model, context); file && hardware.machine) {
    take_tuned(*file, context, wishes);
    options.correction = seen_correction(*file, context);
  }
  if (const std::string goal = text_of(arguments, "for"); !goal.empty()) apply_goal(goal, wishes);
  options.disk_bytes_per_second = arguments.number("disk-speed").value_or(2) * 1e9;
  const bool json = arguments.flag("json");
  if (const std::string lever = text_of(arguments, "sweep"); !lever.empty()) {
    const PlanSweep sweep = sweep_plan(card, hardware.devices, hardware.host, wishes, options, lever);
    context.console.out(json ? dump_json(plan_sweep_json(sweep), 2) + "\n" : sweep_text(sweep));
    return kExitOk;
  }
  const PlanAnswer answer = answer_plan(card, hardware.devices, hardware.host, wishes, options);
  const bool measured = answer.forecast && answer.forecast->measured;
  const std::string basis = !hardware.machine ? "catalogue" : measured ? "measured" : "estimate";
  const AnswerContext about{model, hardware.name, basis, hardware.devices};
  if (const std::string file = text_of(arguments, "html"); !file.empty()) {
    write_page(file, plan_page(card, answer, about, hardware.host, wishes, options));
  }
  context.console.out(json ? dump_json(answer_json(card, answer, about), 2) + "\n"
                           : answer_text(card, answer, about, arguments.flag("explain"), context.console.width()));
  return answer.fits ? kExitOk : kExitOutOfMemory;
}

}  // namespace

CommandRow plan_command_row() {
  return {
      .name = "plan",
      .group = "Models",
      .summary = "Say whether a model fits, where its layers go and how fast it will run, before it is loaded",
      .description =
          "MODEL is a .gguf file (its beginning is enough), the name of a model in the models folder, or a shape "
          "such as llama-7b with --quant. Speed follows from what vivace hardware --measure found out about this "
          "machine, or with --hardware from the catalogue. Where the wishes can't be met, the nearest plan that can "
          "is shown with what it changes, and the exit code is 4.",
      .positionals = {{"MODEL", true, "A .gguf file, a model in the models folder, or a shape: vivace catalog models"}},
      .options = {kRows, load_options()},
      .examples = {{"plan ./model.gguf", "on this machine"},
                   {"plan llama-13b --hardware \"rtx-4070\" --context-length 2048", "on a card one may buy"},
                   {"plan llama-3-8b --quant Q8_0 --sweep context-length", "what a long context costs"},
                   {"plan qwen3-32b --hardware \"2x rtx-3090\" --html plan.html", "as a page with plots"}},
      .run = run_plan};
}

}  // namespace vivace
