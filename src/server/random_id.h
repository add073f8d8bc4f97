// Ids that nobody guesses.
#pragma once

#include <string>

namespace vivace {

/// 48 hexadecimal digits.
std::string random_id();

}  // namespace vivace
