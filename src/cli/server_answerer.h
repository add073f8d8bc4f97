// Answers by a running server, through /api/v1/generate.
#pragma once

#include "cli/answerer.h"

namespace vivace {

/// The answerer of the server that --server or VIVACE_SERVER means, else of the usual address. Null where there is
/// none, where it is no Vivace and where it does not have the model. A server named with --server must be there and
/// have it: throws Error kIo, kNotFound.
std::unique_ptr<Answerer> find_server_answerer(const Arguments& arguments, Context& context,
                                               const AnswererOptions& options);

}  // namespace vivace
