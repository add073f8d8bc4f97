// Tuning a loaded model for a use: the levers that change without loading it again, set by measurements.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "advise/profile.h"
#include "bench/speed_runs.h"
#include "engine/model_source.h"
#include "tune/search.h"

namespace vivace {

/// What a goal asks of a model again and again: read a prompt, write an answer.
struct Workload {
  int32_t prompt = 512;
  int32_t generate = 128;
  int32_t streams = 1;
};

/// chat, code, documents, agent, server. Throws Error kInvalidArgument for another goal.
Workload workload_of(const std::string& goal);

struct TuneOptions {
  std::string goal = "chat";
  double seconds = 60;  // the budget; what is measured when it ends counts
  HostFacts host;       // with speeds where they are known: for what the cost model expects
  /// Called before each measurement with seconds gone and the lever's name; false ends it by Error kCancelled.
  std::function<bool(double seconds, const std::string& lever)> progress;
};

/// Tries threads, batch size and KV format on the source's loaded model and leaves it with the fastest. Wishes
/// that are not open stay as they are.
TunedProfile tune_model(ModelSource& source, const TuneOptions& options);

}  // namespace vivace
