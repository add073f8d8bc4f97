// Tools for models whose chat template knows none: the way to call them is told in words, as LM Studio does.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace vivace {

/// A field of a message, such as its role or content; "" where it is no text.
std::string message_text(const Json& message, const char* field);

/// Messages in which tools, calls and results are text: [TOOL_REQUEST]{"name": …, "arguments": {…}}[END_TOOL_REQUEST].
Json with_tools_as_text(const Json& messages, const Json& tools);

}  // namespace vivace
