// What LM Studio's REST APIs share.
#pragma once

#include "server/dialect.h"

namespace vivace {

/// {"error": {"type", "message", "code", "param"}}
HttpResponse lmstudio_error(const Error& error);
Json lmstudio_error_object(const Error& error);

}  // namespace vivace
