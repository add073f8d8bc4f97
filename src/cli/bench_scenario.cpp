#include "cli/bench_scenario.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "catalog/toml_text.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr int32_t kMostTokens = 1 << 24, kMostStreams = 1024, kMostRuns = 10000;

int32_t checked(const CatalogRow& row, const char* field, int32_t fallback, int32_t least, int32_t most,
                const std::string& origin) {
  const int32_t value = row.whole(field, fallback);
  if (value >= least && value <= most) return value;
  throw Error(ErrorCode::kInvalidFile,
              origin + ": " + field + " must be between " + std::to_string(least) + " and " + std::to_string(most));
}

ScenarioRun read_run(const Json& table, const std::string& origin) {
  const CatalogRow row(table, origin);
  ScenarioRun run;
  run.name = row.text("name");
  const int32_t depth = checked(row, "depth", 0, 0, kMostTokens, origin);
  run.speeds.prefill.run = {.tokens = checked(row, "prompt", 0, 0, kMostTokens, origin), .depth = depth};
  run.speeds.decode.run = {.tokens = checked(row, "generate", 0, 0, kMostTokens, origin),
                           .depth = depth,
                           .streams = checked(row, "streams", 1, 1, kMostStreams, origin)};
  run.speeds.repeat = checked(row, "repeat", 5, 1, kMostRuns, origin);
  row.check_all_used();
  if (run.speeds.prefill.run.tokens + run.speeds.decode.run.tokens == 0) {
    throw Error(ErrorCode::kInvalidFile,
                origin + ": the run '" + printable_text(run.name, 40) + "' has neither prompt nor generate");
  }
  return run;
}

}  // namespace

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
  for (const ScenarioRun& run : runs) most = std::max(most, run.speeds.context_length());
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
    all.push_back({{"name", run.name},
                   {"prefill", measurement_json(run.speeds.prefill)},
                   {"decode", measurement_json(run.speeds.decode)}});
  }
  return all;
}

std::vector<std::vector<std::string>> scenario_rows(const std::vector<ScenarioRun>& runs) {
  std::vector<std::vector<std::string>> rows = {
      {"run", "what", "tokens", "depth", "streams", "tokens/s", "least", "most"}};
  for (const ScenarioRun& run : runs) {
    for (const Measurement* m : {&run.speeds.prefill, &run.speeds.decode}) {
      if (m->run.tokens == 0) continue;
      std::vector<std::string>& row = rows.emplace_back(1, run.name);
      for (std::string& cell : measurement_cells(*m, 1)) row.push_back(std::move(cell));
    }
  }
  return rows;
}

}  // namespace vivace
