// The present as Ollama writes it; base/date.h has the rest.
#pragma once

#include <string>

namespace vivace {

/// "2026-01-31T12:00:00.123456Z", now.
std::string iso_time();

}  // namespace vivace
