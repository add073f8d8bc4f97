// A JSON schema under which an answer comes to its end.
#pragma once

#include "base/json.h"

namespace vivace {

/// Models that may write any number of spaces or digits do so for ever now and then, until the answer is cut off within
/// the number. The schema with bounds where it names none: 16 spaces between two tokens, and integers that every reader
/// of JSON keeps exactly (±(2⁵³ − 1), RFC 7493 §2.2).
Json bounded_schema(Json schema);

}  // namespace vivace
