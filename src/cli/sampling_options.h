// Options about how tokens are chosen and when to stop, shared by run and chat.
#pragma once

#include <span>

#include "cli/arguments.h"
#include "engine/request.h"

namespace vivace {

/// temperature, top-k, top-p, min-p, penalties, seed, logit-bias.
std::span<const OptionRow> sampling_options();
/// max-tokens, stop, ignore-eos.
std::span<const OptionRow> stop_options();

/// A seed that was left to chance is drawn here, so that it can be told. Throws Error kInvalidArgument for a logit
/// bias that is no ID:BIAS.
SamplingOptions read_sampling(const Arguments& arguments);

/// A request without its prompt.
Request read_request(const Arguments& arguments);

/// "temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, seed 7": what has an effect.
std::string sampling_text(const SamplingOptions& sampling);

}  // namespace vivace
