// Tuning a loaded model for a use: levers set by measurements. Only GPU layers load the weights again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "advise/profile.h"
#include "bench/speed_runs.h"
#include "engine/model_source.h"
#include "tune/search.h"

namespace vivace {

struct TuneOptions {
  std::string goal = "chat";  // of goals.h
  double seconds = 60;        // the budget; what is measured when it ends counts
  HostFacts host;             // with speeds where they are known: for what the cost model expects
  /// Called before each step with the seconds that are gone; false ends it by Error kCancelled.
  std::function<bool(double seconds)> progress;
};

/// Tries GPU layers, threads, batch size and KV format on the source's loaded model and leaves it with the fastest.
/// Wishes that are not open stay as they are.
TunedProfile tune_model(ModelSource& source, const TuneOptions& options);

}  // namespace vivace
