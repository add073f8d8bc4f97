// Numbers as text; independent of the locale.
#pragma once

#include <string>

namespace vivace {

/// With `digits` after the point: "0.50".
std::string fixed_text(double value, int digits);

}  // namespace vivace
