// What `vivace bench` takes the time of, and how it says so.
#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "bench/speed_runs.h"
#include "bench/spread.h"
#include "engine/model_source.h"

namespace vivace {

struct Measurement {
  const char* name = "";
  SpeedRun run;
  Rates rates;
};

/// {"tokens", "depth", "streams", "tokens_per_second": {"median", "mean", "min", "max"}}
Json measurement_json(const Measurement& measurement);
/// {"p50", "p95", "p99", "max"}
Json spread_json(const Spread& spread);
/// Name, what was fed, median, spread.
std::vector<std::string> measurement_row(const Measurement& measurement);
/// For spreadsheets and pages: name, tokens, depth, streams, median, least and most, each alone in its cell.
std::vector<std::string> measurement_cells(const Measurement& measurement, int digits);

/// Prefill and decode of one model.
struct Speeds {
  Measurement prefill{"prefill", {}, {}}, decode{"decode", {}, {}};
  int32_t repeat = 5;

  /// Tokens that a sequence reaches.
  int32_t context_length() const;
  /// Fills the rates with those of the loaded model. Ctrl-C ends it by Error kCancelled.
  void measure(ModelSource& source);
};

}  // namespace vivace
