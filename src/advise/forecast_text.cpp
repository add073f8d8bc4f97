#include "advise/forecast_text.h"

#include "base/number_text.h"

namespace vivace {

std::string rate_text(double rate) { return fixed_text(rate, rate < 10 ? 2 : rate < 100 ? 1 : 0) + " tokens/s"; }

std::string decode_case_text(const DecodeForecast& point) {
  if (point.streams > 1) return std::to_string(point.streams) + " answers at once, all together";
  return point.depth == 0 ? "at the beginning" : "with " + std::to_string(point.depth) + " tokens before";
}

}  // namespace vivace
