// OpenAI's API: models, chats, completions, embeddings.
#include "server/dialects/openai_common.h"

namespace vivace {
namespace {

Json model_json(const std::string& id, int64_t created) {
  return {{"id", id}, {"object", "model"}, {"created", created}, {"owned_by", "organization_owner"}};
}

void list_models(ServerParts& parts, Exchange exchange, const std::string&) {
  Json list = Json::array();
  std::vector<ModelEntry> models = parts.pool.available();
  if (!parts.pool.loads_on_demand()) {  // the others can't be asked
    models.clear();
    for (const auto& model : parts.pool.loaded()) models.push_back(model->entry);
  }
  for (const ModelEntry& entry : models) {
    list.push_back(model_json(entry.key, parts.details.of(entry).modified));
  }
  exchange->respond(json_response({{"object", "list"}, {"data", std::move(list)}}));
}

void model(ServerParts& parts, Exchange exchange, const std::string& name) {
  const auto entry = find_model(parts.pool.available(), name);
  if (!entry) throw ApiError(404, "The model '" + name + "' does not exist", "model", "model_not_found");
  exchange->respond(json_response(model_json(entry->key, parts.details.of(*entry).modified)));
}

void chat(ServerParts& parts, Exchange exchange, const std::string&) { openai_chat(parts, std::move(exchange), false); }

void completion(ServerParts& parts, Exchange exchange, const std::string&) {
  openai_completion(parts, std::move(exchange), false);
}

void embeddings(ServerParts& parts, Exchange exchange, const std::string&) {
  openai_embeddings(parts, std::move(exchange));
}

const Route kRoutes[] = {
    {"GET", "/v1/models", list_models, openai_error, "Models on this machine"},
    {"GET", "/v1/models/*", model, openai_error, "One model"},
    {"POST", "/v1/chat/completions", chat, openai_error, "Answer a chat; streams as server-sent events"},
    {"POST", "/v1/completions", completion, openai_error, "Complete a text as it is"},
    {"POST", "/v1/embeddings", embeddings, openai_error, "Embeddings by the loaded model"},
};

}  // namespace

std::span<const Route> openai_routes() { return kRoutes; }

}  // namespace vivace
