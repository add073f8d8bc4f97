// Benchmarks as files: a list of runs on one loaded model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "bench/arrivals.h"
#include "cli/measurement.h"

namespace vivace {

struct ScenarioRun {
  std::string name;
  Speeds speeds;
  ArrivalRun arrivals;  // without a rate: the speeds are measured
  ArrivalResult answered;

  /// Measures one of them on the loaded model. Ctrl-C ends it by Error kCancelled.
  void measure(ModelSource& source);
};

/// Reads [[run]] tables of a TOML file: name, prompt, generate, streams; depth and repeat, or rate and requests. Throws
/// Error kNotFound, kInvalidFile.
std::vector<ScenarioRun> read_scenario(const std::filesystem::path& path);

/// The context and the sequences that all runs fit into.
int32_t scenario_context(const std::vector<ScenarioRun>& runs);
int32_t scenario_streams(const std::vector<ScenarioRun>& runs);

/// [{"name", "prefill", "decode"} or {"name", "arrivals"}]
Json scenario_json(const std::vector<ScenarioRun>& runs);
/// Heads and a row for each measurement.
std::vector<std::vector<std::string>> scenario_rows(const std::vector<ScenarioRun>& runs);

}  // namespace vivace
