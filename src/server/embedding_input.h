// The fields of requests for embeddings that dialects share.
#pragma once

#include "server/answer_service.h"
#include "server/json_fields.h"

namespace vivace {

/// A string, a list of strings, a list of token ids, or a list of such lists. Throws ApiError.
void read_embedding_input(JsonFields& fields, std::string_view name, AnswerService::EmbeddingRequest& request);

/// pooling: "last" (default) or "mean".
void read_pooling(JsonFields& fields, AnswerService::EmbeddingRequest& request);

}  // namespace vivace
