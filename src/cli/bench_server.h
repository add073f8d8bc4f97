// vivace bench --server: clients that drive a server over HTTP, ours or another with OpenAI's completions.
#pragma once

#include <span>

#include "cli/arguments.h"

namespace vivace {

std::span<const OptionRow> bench_server_options();

/// Returns the exit code; throws Error kIo where nobody answers.
int run_bench_server(const Arguments& arguments, Context& context);

}  // namespace vivace
