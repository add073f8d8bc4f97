// What Ollama's endpoints share.
#pragma once

#include "server/dialect.h"
#include "server/json_fields.h"

namespace vivace {

/// {"error": "…"}
HttpResponse ollama_error(const Error& error);

/// "2026-01-31T12:00:00.123456Z", now.
std::string ollama_time();
/// Of a time in seconds since 1970.
std::string ollama_time(int64_t seconds);

void ollama_chat(ServerParts& parts, Exchange exchange, const std::string& rest);
void ollama_generate(ServerParts& parts, Exchange exchange, const std::string& rest);

}  // namespace vivace
