#include "server/embedding_input.h"

#include "server/api_error.h"

namespace vivace {
namespace {

constexpr size_t kMostInputs = 2048;

}  // namespace

void read_embedding_input(JsonFields& fields, std::string_view name, AnswerService::EmbeddingRequest& request) {
  const std::string path = fields.path(name);
  const Json* input = fields.find(name);
  if (input == nullptr) throw ApiError(400, "\"" + path + "\" is required", path, "missing_required_parameter");
  const ApiError wrong(400, "'" + path + "' must be a text, a list of texts or lists of token ids, of at most 2048",
                       path, "invalid_value");
  if (input->is_string()) {
    request.texts.push_back(input->get<std::string>());
  } else if (is_token_list(*input)) {
    request.tokens.push_back(input->get<std::vector<TokenId>>());
  } else {
    if (!input->is_array() || input->empty() || input->size() > kMostInputs) throw wrong;
    for (const Json& one : *input) {
      if (one.is_string() && request.tokens.empty()) {
        request.texts.push_back(one.get<std::string>());
      } else if (is_token_list(one) && request.texts.empty()) {
        request.tokens.push_back(one.get<std::vector<TokenId>>());
      } else {
        throw wrong;
      }
    }
  }
}

void read_pooling(JsonFields& fields, AnswerService::EmbeddingRequest& request) {
  const std::string pooling = fields.text("pooling").value_or("last");
  if (pooling != "last" && pooling != "mean") {
    throw ApiError(400, "'pooling' must be last or mean", "pooling", "invalid_value");
  }
  request.pooling = pooling == "mean" ? Pooling::kMean : Pooling::kLast;
}

}  // namespace vivace
