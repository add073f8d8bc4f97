#include "cli/bench_scenario.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "catalog/toml_text.h"
#include "cli/interrupt.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr int32_t kMostTokens = 1 << 24, kMostStreams = 1024, kMostRuns = 10000;
constexpr double kMostRate = 100000;

int32_t checked(const CatalogRow& row, const char* field, int32_t fallback, int32_t least, int32_t most,
                const std::string& origin) {
  const int32_t value = row.whole(field, fallback);
  if (value >= least && value <= most) return value;
  throw Error(ErrorCode::kInvalidFile,
              origin + ": " + field + " must be between " + std::to_string(least) + " and " + std::to_string(most));
}

/// Of a run with a rate: how requests arrive, `streams` answered side by side at most.
ArrivalRun read_arrivals(const CatalogRow& row, double rate, const std::string& origin) {
  if (!(rate > 0 && rate <= kMostRate)) {
    throw Error(ErrorCode::kInvalidFile, origin + ": rate must be above 0 and at most 100000 requests per second");
  }
  return {.rate = rate,
          .requests = checked(row, "requests", 32, 1, kMostRuns, origin),
          .prompt = checked(row, "prompt", 0, 1, kMostTokens, origin),
          .generate = checked(row, "generate", 0, 1, kMostTokens, origin)};
}

Speeds read_speeds(const CatalogRow& row, const std::string& origin) {
  Speeds speeds;
  const int32_t depth = checked(row, "depth", 0, 0, kMostTokens, origin);
  speeds.prefill.run = {.tokens = checked(row, "prompt", 0, 0, kMostTokens, origin), .depth = depth};
  speeds.decode.run = {.tokens = checked(row, "generate", 0, 0, kMostTokens, origin), .depth = depth};
  speeds.repeat = checked(row, "repeat", 5, 1, kMostRuns, origin);
  return speeds;
}

ScenarioRun read_run(const Json& table, const std::string& origin) {
  const CatalogRow row(table, origin);
  ScenarioRun run;
  run.name = row.text("name");
  const bool arrive = table.contains("rate");
  if (arrive) {
    run.arrivals = read_arrivals(row, row.number("rate"), origin);
  } else {
    run.speeds = read_speeds(row, origin);
  }
  run.speeds.decode.run.streams = checked(row, "streams", 1, 1, kMostStreams, origin);
  row.check_all_used();
  if (!arrive && run.speeds.prefill.run.tokens + run.speeds.decode.run.tokens == 0) {
    throw Error(ErrorCode::kInvalidFile,
                origin + ": the run '" + printable_text(run.name, 40) + "' has neither prompt nor generate");
  }
  return run;
}

Json arrivals_json(const ScenarioRun& run) {
  return {{"rate", run.arrivals.rate},
          {"requests", run.arrivals.requests},
          {"prompt", run.arrivals.prompt},
          {"generate", run.arrivals.generate},
          {"streams", run.speeds.decode.run.streams},
          {"seconds", run.answered.seconds},
          {"generated_tokens_per_second", run.answered.tokens_per_second()},
          {"time_to_first_token_seconds", spread_json(run.answered.first)},
          {"gap_seconds", spread_json(run.answered.gaps)}};
}

}  // namespace

void ScenarioRun::measure(ModelSource& source) {
  if (arrivals.rate <= 0) return speeds.measure(source);
  // What the prefix cache kept would lack to the runs that follow; no two prompts are alike anyhow.
  Engine engine(source, nullptr, {.prefix_cache = false});
  answered = measure_arrivals(engine, source.card(), arrivals, throw_if_interrupted);
}

std::vector<ScenarioRun> read_scenario(const std::filesystem::path& path) {
  const std::string origin = path.string();
  const Json toml = parse_toml(read_text_file(path, kMostBytes), origin);
  if (!toml.contains("run") || !toml["run"].is_array() || toml["run"].empty()) {
    throw Error(ErrorCode::kInvalidFile, origin + " has no [[run]] tables");
  }
  std::vector<ScenarioRun> runs;
  for (const Json& table : toml["run"]) runs.push_back(read_run(table, origin));
  return runs;
}

int32_t scenario_context(const std::vector<ScenarioRun>& runs) {
  int32_t most = 0;
  for (const ScenarioRun& run : runs) {
    most = std::max({most, run.speeds.context_length(), run.arrivals.prompt + run.arrivals.generate});
  }
  return most;
}

int32_t scenario_streams(const std::vector<ScenarioRun>& runs) {
  int32_t most = 1;
  for (const ScenarioRun& run : runs) most = std::max(most, run.speeds.decode.run.streams);
  return most;
}

Json scenario_json(const std::vector<ScenarioRun>& runs) {
  Json all = Json::array();
  for (const ScenarioRun& run : runs) {
    if (run.arrivals.rate > 0) {
      all.push_back({{"name", run.name}, {"arrivals", arrivals_json(run)}});
      continue;
    }
    all.push_back({{"name", run.name},
                   {"prefill", measurement_json(run.speeds.prefill)},
                   {"decode", measurement_json(run.speeds.decode)}});
  }
  return all;
}

std::vector<std::vector<std::string>> scenario_rows(const std::vector<ScenarioRun>& runs) {
  std::vector<std::vector<std::string>> rows = {
      {"run", "what", "tokens", "depth", "streams", "tokens/s", "least", "most"}};
  const bool arrive = std::any_of(runs.begin(), runs.end(), [](const ScenarioRun& r) { return r.arrivals.rate > 0; });
  if (arrive) rows[0].insert(rows[0].end(), {"first token 95 %, s", "gap 99 %, s"});
  for (const ScenarioRun& run : runs) {
    if (run.arrivals.rate > 0) {
      rows.push_back({run.name, "answers", std::to_string(run.arrivals.generate), "0",
                      std::to_string(run.speeds.decode.run.streams), fixed_text(run.answered.tokens_per_second(), 1),
                      "", "", fixed_text(run.answered.first.p95, 3), fixed_text(run.answered.gaps.p99, 3)});
      continue;
    }
    for (const Measurement* m : {&run.speeds.prefill, &run.speeds.decode}) {
      if (m->run.tokens == 0) continue;
      std::vector<std::string>& row = rows.emplace_back(1, run.name);
      for (std::string& cell : measurement_cells(*m, 1)) row.push_back(std::move(cell));
      row.resize(rows[0].size());
    }
  }
  return rows;
}

}  // namespace vivace
