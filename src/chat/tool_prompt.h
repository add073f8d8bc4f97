// Tools for models whose chat template knows none: the way to call them is told in words, as LM Studio does.
#pragma once

#include "base/json_fwd.h"

namespace vivace {

/// Messages in which tools, calls and results are text: [TOOL_REQUEST]{"name": …, "arguments": {…}}[END_TOOL_REQUEST].
Json with_tools_as_text(const Json& messages, const Json& tools);

}  // namespace vivace
