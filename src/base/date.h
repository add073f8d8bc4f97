// The date, for records and answers.
#pragma once

#include <cstdint>
#include <string>

namespace vivace {

/// Now, in seconds since 1970.
int64_t seconds_since_1970();

/// A time in UTC: "2026-11-27T14:05:09Z".
std::string date_text(int64_t seconds);
/// Now.
std::string date_text();

}  // namespace vivace
