// Messages as OpenAI's clients send them, made into what chat templates take.
#pragma once

#include "base/json.h"

namespace vivace {

/// Checks roles and contents: parts of text are joined, "developer" is "system", the arguments of calls become objects.
/// Throws ApiError 400 that names the message.
Json template_messages(const Json& messages);

/// [{type: function, function: {…}}] with what is missing filled in. Throws ApiError 400.
Json template_tools(const Json& tools);

/// The arguments of a call as an object, where the text is one.
Json arguments_object(const Json& arguments);

}  // namespace vivace
