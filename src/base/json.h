// JSON in and out. Not part of the core build.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_fwd.h"

namespace vivace {

constexpr int kMaxJsonDepth = 64;
/// Members of one object. Objects keep their order in a list, so that reading one takes quadratic time.
constexpr int kMaxJsonMembers = 16384;

/// Reads one JSON document. Throws Error kInvalidArgument that names line and column (1-based, bytes) for a syntax
/// error, for arrays and objects nested deeper than `max_depth` and for objects of more than kMaxJsonMembers members.
/// Depth is checked before anything is built, so that no input can exhaust the stack.
Json parse_json(std::string_view text, int max_depth = kMaxJsonDepth);

/// Writes a document; bytes that are not UTF-8 become U+FFFD instead of an exception. `indent` < 0: one line.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace vivace
