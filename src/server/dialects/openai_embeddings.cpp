// POST /v1/embeddings
#include <cstring>

#include "server/dialects/openai_common.h"
#include "server/embedding_input.h"

namespace vivace {
namespace {

/// The floats' bytes, as base64.
std::string base64(const std::vector<float>& vector) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < bytes.size() ? uint8_t(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= bytes.size() - i ? kLetters[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace

void openai_embeddings(ServerParts& parts, Exchange exchange) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerService::EmbeddingRequest request;
  request.load.model = fields.text("model").value_or("");
  read_embedding_input(fields, "input", request);
  read_pooling(fields, request);
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    throw ApiError(400, "'encoding_format' must be float or base64", "encoding_format", "invalid_value");
  }
  const auto told = [as_text = format == "base64", model = request.load.model](const AnswerService::Embeddings& found) {
    Json data = Json::array();
    for (size_t i = 0; i < found.vectors.size(); ++i) {
      const Json vector = as_text ? Json(base64(found.vectors[i])) : Json(found.vectors[i]);
      data.push_back({{"object", "embedding"}, {"embedding", vector}, {"index", i}});
    }
    return json_response({{"object", "list"},
                          {"data", std::move(data)},
                          {"model", model.empty() ? found.model : model},
                          {"usage", {{"prompt_tokens", found.prompt_tokens}, {"total_tokens", found.prompt_tokens}}}});
  };
  parts.answers.embed(std::move(exchange), std::move(request), openai_error, told);
}

}  // namespace vivace
