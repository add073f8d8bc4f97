// JSON in and out, on nlohmann-json.
#include "base/json.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/error.h"

namespace vivace {
namespace {

std::string position(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Walks the brackets outside strings. Text that is not JSON passes: the parser finds what is wrong with it.
void check_shape(std::string_view text, int max_depth) {
  std::vector<int> commas;  // one entry per open bracket
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (commas.size() >= static_cast<size_t>(std::max(max_depth, 0))) {
        throw Error(ErrorCode::kInvalidArgument,
                    "the JSON is nested deeper than " + std::to_string(max_depth) + " levels at " + position(text, i));
      }
      commas.push_back(c == '{' ? 0 : -1);
    } else if (c == ']' || c == '}') {
      if (!commas.empty()) commas.pop_back();
    } else if (c == ',' && !commas.empty() && commas.back() >= 0 && ++commas.back() >= kMaxJsonMembers) {
      throw Error(ErrorCode::kInvalidArgument, "a JSON object has more than " + std::to_string(kMaxJsonMembers) +
                                                   " members at " + position(text, i));
    }
  }
}

// The library's text without its own prefix and position, and not longer than a line.
std::string reason(std::string_view what) {
  const size_t column = what.find("column ");
  const size_t colon = what.find(": ", column == std::string_view::npos ? 0 : column);
  if (colon != std::string_view::npos) what.remove_prefix(colon + 2);
  return std::string(what.substr(0, 160));
}

}  // namespace

Json parse_json(std::string_view text, int max_depth) {
  check_shape(text, max_depth);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& e) {
    const size_t offset = e.byte > 0 ? e.byte - 1 : 0;
    throw Error(ErrorCode::kInvalidArgument, "invalid JSON at " + position(text, offset) + ": " + reason(e.what()));
  } catch (const Json::exception& e) {  // a number that no double holds
    throw Error(ErrorCode::kInvalidArgument, "invalid JSON: " + reason(e.what()));
  }
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vivace
