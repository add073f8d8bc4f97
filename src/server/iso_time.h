// Points in time as the APIs write them.
#pragma once

#include <cstdint>
#include <string>

namespace vivace {

/// "2026-01-31T12:00:00.123456Z", now.
std::string iso_time();
/// "2026-01-31T12:00:00Z" of seconds since 1970.
std::string iso_time(int64_t seconds);

}  // namespace vivace
