#include "cli/tune.h"

#include <algorithm>
#include <cmath>

#include "advise/goals.h"
#include "advise/profile.h"
#include "base/date.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/topology.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/progress_bar.h"
#include "cli/text_format.h"
#include "cli/tuned.h"
#include "models/model_file.h"
#include "store/record_store.h"
#include "store/vivace_database.h"
#include "tune/tune_model.h"

namespace vivace {
namespace {

constexpr int32_t kMostProfiles = 1000;

const OptionRow kTuneRows[] = {
    {.name = "for",
     .type = OptionType::kString,
     .default_text = "chat",
     .help = "What the model shall be fast for: chat, code, documents, agent, server",
     .group = "Tuning"},
    {.name = "budget",
     .type = OptionType::kInt,
     .default_text = "60",
     .min = 1,
     .max = 86400,
     .help = "Seconds that measuring may take",
     .group = "Tuning"},
    {.name = "dry-run",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Only say what was found; later loads stay as they are",
     .group = "Tuning"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = "Tuning"},
};

std::string gain_text(double gain) { return signed_percent_text(gain, std::abs(100 * (gain - 1)) < 10 ? 1 : 0); }

std::string profile_text(const TunedProfile& profile) {
  using Align = TextTable::Align;
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"lever", "automatic", "tuned", "measured", "expected", "measurements"});
  for (const TunedLever& lever : profile.levers) {
    const bool changed = lever.before != lever.after;
    table.add({lever.name, lever.before, changed ? lever.after : "the same", changed ? gain_text(lever.gain) : "",
               lever.expected ? gain_text(*lever.expected) : "", std::to_string(lever.measurements)});
  }
  std::string text = table.text();
  const bool changed = std::any_of(profile.levers.begin(), profile.levers.end(),
                                   [](const TunedLever& lever) { return lever.before != lever.after; });
  text += changed ? "together: " + gain_text(profile.gain) + " for " + profile.goal + " (between " +
                        gain_text(profile.gain_low) + " and " + gain_text(profile.gain_high) + ")\n"
                  : "nothing is faster for " + profile.goal + " than the automatic settings\n";
  if (!profile.complete) text += "the time ran out before all was tried: --budget gives more\n";
  return text;
}

int run_tune(const Arguments& arguments, Context& context) {
  const std::string goal = arguments.text("for").value_or("chat");
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  workload_of(goal);  // an unknown one is refused before anything is opened
  const auto aim = [&](const ModelCard&, Wishes& wishes) { apply_goal(goal, wishes); };
  // All logical CPUs stand ready, so that too many threads can be tried, too; automatic stays what it is.
  SessionOptions session_options;
  session_options.threads = static_cast<int32_t>(read_topology().cpus.size());
  session_options.tuned = false;
  ModelSession session = plan_session(open_model_file(path), path, arguments, context, aim, session_options);
  load_session(session, context);
  TuneOptions options;
  options.goal = goal;
  options.seconds = static_cast<double>(arguments.integer("budget").value_or(60));
  options.host = host_with_speeds(*session.machine, context);
  {
    ProgressBar bar(context.console, "tuning", ProgressBar::Unit::kCount);
    options.progress = [&](double seconds) {
      bar.update(static_cast<size_t>(seconds), static_cast<size_t>(options.seconds));
      return !interrupted();
    };
    TunedProfile profile = tune_model(*session.source, options);
    profile.model = path.filename().string();
    if (!arguments.flag("dry-run")) {
      RecordStore store(open_vivace_database(app_paths(context.environment).data));
      store.remove(kProfileRecord, profile_key_of(path));
      store.add(kProfileRecord, profile_key_of(path), date_text(), dump_json(profile_json(profile)), kMostProfiles);
    }
    context.console.out(arguments.flag("json") ? dump_json(profile_json(profile), 2) + "\n" : profile_text(profile));
  }
  return kExitOk;
}

const OptionRow kProfileRows[] = {
    {.name = "forget",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Remove the profile of this model: later loads are automatic again"},
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
};

int run_profiles(const Arguments& arguments, Context& context) {
  const auto tell = [&context](const std::string& note) { context.console.err("note: " + note + "\n"); };
  auto database = open_existing_vivace_database(app_paths(context.environment).data, tell);
  std::vector<Record> records;
  if (database) {
    RecordStore store(std::move(*database));
    if (const std::string model = arguments.text("forget").value_or(""); !model.empty()) {
      store.remove(kProfileRecord, profile_key_of(locate_model(model, context)));
    }
    records = store.newest(kProfileRecord, "", kMostProfiles);
  }
  using Align = TextTable::Align;
  Json all = Json::array();
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  table.add({"model", "for", "tuned on", "gain", "settings"});
  for (const Record& record : records) {
    try {
      Json json = parse_json(record.body);
      const TunedProfile profile = parse_profile_json(json);
      std::string settings;
      for (const TunedLever& lever : profile.levers) {
        if (lever.before == lever.after) continue;
        settings += (settings.empty() ? "" : ", ") + lever.name + " " + lever.after;
      }
      table.add({profile.model, profile.goal, record.at.substr(0, 10), gain_text(profile.gain),
                 settings.empty() ? "automatic" : settings});
      json["at"] = record.at;
      json["key"] = record.key;
      all.push_back(std::move(json));
    } catch (const Error& error) {
      tell("a profile can't be read: " + std::string(error.what()));
    }
  }
  if (arguments.flag("json")) {
    context.console.out(dump_json({{"profiles", all}}, 2) + "\n");
  } else {
    context.console.out(records.empty() ? "no model has been tuned here: vivace tune MODEL\n" : table.text());
  }
  return kExitOk;
}

}  // namespace

CommandRow tune_command_row() {
  return {.name = "tune",
          .group = "Machine",
          .summary = "Find the fastest settings for a model by measuring, and keep them for later loads",
          .description =
              "Threads, batch size and KV format are tried in turns, forwards and backwards, until no difference is "
              "left open that matters; the result is then compared with the automatic settings. Options that are given "
              "stay as they are. Other programs should rest meanwhile.",
          .positionals = {model_argument()},
          .options = {kTuneRows, load_options()},
          .examples = {{"tune smollm2-135m-instruct", "for chat, within a minute"},
                       {"tune ./model.gguf --for documents --budget 180", "long prompts, with more time"},
                       {"tune ./model.gguf --kv-type f16 --dry-run", "leave the KV cache alone, keep nothing"}},
          .run = run_tune};
}

CommandRow profiles_command_row() {
  return {.name = "profiles",
          .group = "Machine",
          .summary = "List the settings that vivace tune found",
          .description = "",
          .positionals = {},
          .options = {kProfileRows},
          .examples = {{"profiles", "all of them"}, {"profiles --forget smollm2-135m-instruct", "automatic again"}},
          .run = run_profiles};
}

}  // namespace vivace
