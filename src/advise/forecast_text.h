// The words of a forecast, for terminal and page.
#pragma once

#include <string>

#include "plan/cost/forecast.h"

namespace vivace {

/// "5.12 tokens/s", "51.2 tokens/s", "512 tokens/s".
std::string rate_text(double tokens_per_second);

/// What a decode forecast is of: "with 2048 tokens before", "4 answers at once, all together".
std::string decode_case_text(const DecodeForecast& point);

}  // namespace vivace
