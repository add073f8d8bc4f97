// Anthropic's API: /v1/messages.
#pragma once

#include "server/dialect.h"

namespace vivace {

/// {"type": "error", "error": {"type", "message"}}
HttpResponse anthropic_error(const Error& error);

}  // namespace vivace
