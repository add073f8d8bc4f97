// Log records on standard error, as text or one JSON object a line.
#pragma once

#include <memory>
#include <string_view>

#include "base/log.h"

namespace vivace {

/// `format`: "text" or "json".
std::unique_ptr<LogSink> make_stderr_log(std::string_view format);

}  // namespace vivace
