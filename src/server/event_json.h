// The engine's events as JSON: what /api/v1/generate sends and what `vivace run` and `chat` read of it.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "engine/request.h"

namespace vivace {

/// The text of a token, control tokens included.
using PieceOf = std::function<std::string(TokenId)>;

/// {"finish_reason", "stop_string", "usage": {…}, "timings": {…}}
Json finished_json(const Finished& finished);
/// Throws Error kInvalidFile for what finished_json() did not write.
Finished parse_finished_json(const Json& json);

/// {"id", "text", "logprob", "top": [{"id", "text", "logprob"}]}
Json logprobs_json(const TokenEvent& token, const PieceOf& piece);
/// Reads the numbers; each token's text is handed to `piece`. Throws Error kInvalidFile.
void parse_logprobs_json(const Json& json, TokenEvent& token,
                         const std::function<void(TokenId, const std::string& text)>& piece);

}  // namespace vivace
