// What Ollama's endpoints share.
#pragma once

#include "server/dialect.h"
#include "server/json_fields.h"

namespace vivace {

/// {"error": "…"}
HttpResponse ollama_error(const Error& error);

void ollama_chat(ServerParts& parts, Exchange exchange, const std::string& rest);
void ollama_generate(ServerParts& parts, Exchange exchange, const std::string& rest);

}  // namespace vivace
