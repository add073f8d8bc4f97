// The JSON type, declared only: objects keep the order in which their keys came. Include base/json.h to use it.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace vivace {

using Json = nlohmann::ordered_json;

}  // namespace vivace
