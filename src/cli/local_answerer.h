// Answers by an engine in this process.
#pragma once

#include "cli/answerer.h"

namespace vivace {

/// Plans and loads the model. Throws Error kUnsupported for a model without a chat template where one is needed, and
/// what plan_session() and load_session() throw.
std::unique_ptr<Answerer> open_local_answerer(const Arguments& arguments, Context& context,
                                              const AnswererOptions& options);

}  // namespace vivace
