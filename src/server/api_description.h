// The OpenAPI 3.1 description of every route.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace vivace {

Json api_description(const std::string& version);

}  // namespace vivace
