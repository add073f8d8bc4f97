// LM Studio's older REST API: OpenAI's shapes with speed beside them.
#include "server/dialects/openai_common.h"

namespace vivace {
namespace {

Json model_json(ServerParts& parts, const ModelEntry& entry) {
  const ModelDetail detail = parts.details.of(entry);
  Json json = {{"id", entry.key},
               {"object", "model"},
               {"type", "llm"},
               {"publisher", entry.publisher},
               {"arch", detail.architecture},
               {"compatibility_type", "gguf"},
               {"quantization", detail.quantisation},
               {"state", "not-loaded"},
               {"max_context_length", detail.context_length}};
  for (const auto& model : parts.pool.loaded()) {
    if (model->entry.path != entry.path) continue;
    json["state"] = "loaded";
    json["loaded_context_length"] = model->plan().context_length;
  }
  if (detail.tools) json["capabilities"] = {"tool_use"};
  return json;
}

void models(ServerParts& parts, Exchange exchange, const std::string&) {
  Json list = Json::array();
  for (const ModelEntry& entry : parts.pool.available()) list.push_back(model_json(parts, entry));
  exchange->respond(json_response({{"object", "list"}, {"data", std::move(list)}}));
}

void model(ServerParts& parts, Exchange exchange, const std::string& name) {
  const auto entry = find_model(parts.pool.available(), name);
  if (!entry) throw ApiError(404, "Model \"" + name + "\" not found", "model", "model_not_found");
  exchange->respond(json_response(model_json(parts, *entry)));
}

void chat(ServerParts& parts, Exchange exchange, const std::string&) { openai_chat(parts, std::move(exchange), true); }

void completion(ServerParts& parts, Exchange exchange, const std::string&) {
  openai_completion(parts, std::move(exchange), true);
}

void embeddings(ServerParts& parts, Exchange exchange, const std::string&) {
  openai_embeddings(parts, std::move(exchange));
}

const Route kRoutes[] = {
    {"GET", "/api/v0/models", models, openai_error, "Models on this machine (LM Studio, older)"},
    {"GET", "/api/v0/models/*", model, openai_error, "One model"},
    {"POST", "/api/v0/chat/completions", chat, openai_error, "As /v1/chat/completions, with stats"},
    {"POST", "/api/v0/completions", completion, openai_error, "As /v1/completions, with stats"},
    {"POST", "/api/v0/embeddings", embeddings, openai_error, "As /v1/embeddings"},
};

}  // namespace

std::span<const Route> lmstudio_v0_routes() { return kRoutes; }

}  // namespace vivace
