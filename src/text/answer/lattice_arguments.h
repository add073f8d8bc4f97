// Gemma's way to write a call's arguments: {city:<|"|>Köln<|"|>,days:2,exact:true,unit:None}
#pragma once

#include <string>
#include <string_view>

namespace vivace {

/// The same as JSON text; what can't be read becomes one string.
std::string json_of_lattice(std::string_view text);

}  // namespace vivace
