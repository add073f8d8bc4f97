// What run and chat say about settings and speed.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "cli/console.h"
#include "cli/generate.h"
#include "cli/model_session.h"

namespace vivace {

/// Aligned lines: model, device, threads, context, KV cache, batch, memory, sampling.
std::string settings_summary(const Console& console, const ModelSession& session, const SamplingOptions& sampling,
                             bool reasons);

/// "loaded in 0.12 s".
std::string load_summary(const Console& console, const ModelSession& session);

/// finish_reason, stop_string, usage, timings.
Json answer_json(const TimedAnswer& answer);

}  // namespace vivace
