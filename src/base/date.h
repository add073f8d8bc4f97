// The date, for records.
#pragma once

#include <string>

namespace vivace {

/// Now in UTC: "2026-11-27T14:05:09Z".
std::string date_text();

}  // namespace vivace
