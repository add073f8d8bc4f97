// Vivace's own: health, metrics, plans, hardware, the description of the API.
#include "server/api_description.h"
#include "server/dialects/openai_common.h"

namespace vivace {
namespace {

void health(ServerParts& parts, Exchange exchange, const std::string&) {
  Json loaded = Json::array();
  for (const auto& model : parts.pool.loaded()) loaded.push_back(model->id);
  exchange->respond(json_response({{"status", "ok"}, {"version", parts.version}, {"models", std::move(loaded)}}));
}

void metrics(ServerParts& parts, Exchange exchange, const std::string&) {
  HttpResponse response;
  response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  response.body = parts.metrics.text(parts.pool);
  exchange->respond(std::move(response));
}

/// A number of the query as a body would have it; what is none stays a text, which the field's reader refuses.
void copy_number(const HttpRequest& request, const std::string& name, Json& body) {
  const auto text = request.query_value(name);
  if (!text) return;
  try {
    body[name] = parse_json(*text);
  } catch (const Error&) {
    body[name] = std::string(*text);
  }
}

/// gpu_layers, cpu_ffn as the command line takes them: a number, a ratio, max.
std::optional<LayerCount> layer_count_field(JsonFields& fields, const char* name) {
  const Json* value = fields.find(name);
  if (value == nullptr) return std::nullopt;
  const std::string text = value->is_string() ? value->get<std::string>() : dump_json(*value);
  if (text == "auto") return std::nullopt;
  try {
    return parse_layer_count(text, name);
  } catch (const Error& error) {
    throw ApiError(400, error.what(), name, "invalid_value");
  }
}

void plan_by(ServerParts& parts, Exchange& exchange, const Json& body) {
  JsonFields fields(body);
  LoadWish wish;
  wish.model = fields.required_text("model");
  wish.context_length = fields.whole("context_length", 1, 1 << 24);
  wish.batch_size = fields.whole("batch_size", 1, 16384);
  wish.parallel = fields.whole("parallel", 1, 1024);
  wish.gpu_layers = layer_count_field(fields, "gpu_layers");
  wish.cpu_ffn = layer_count_field(fields, "cpu_ffn");
  exchange->respond(json_response(parts.planned(wish)));
}

void plan_of_query(ServerParts& parts, Exchange exchange, const std::string&) {
  const HttpRequest& request = exchange->request();
  Json body = Json::object();
  if (const auto model = request.query_value("model")) body["model"] = std::string(*model);
  for (const char* name : {"context_length", "batch_size", "parallel"}) copy_number(request, name, body);
  for (const char* name : {"gpu_layers", "cpu_ffn"}) {
    if (const auto layers = request.query_value(name)) body[name] = std::string(*layers);
  }
  plan_by(parts, exchange, body);
}

void plan_of_body(ServerParts& parts, Exchange exchange, const std::string&) {
  plan_by(parts, exchange, parse_body(exchange->request().body));
}

void hardware(ServerParts& parts, Exchange exchange, const std::string&) {
  exchange->respond(json_response(parts.hardware()));
}

void description(ServerParts& parts, Exchange exchange, const std::string&) {
  exchange->respond(json_response(api_description(parts.version)));
}

const Route kRoutes[] = {
    {"GET", "/health", health, openai_error, "Whether the server is up, and what it has loaded"},
    {"GET", "/metrics", metrics, openai_error, "Counters and histograms for Prometheus"},
    {"GET", "/api/v1/plan", plan_of_query, openai_error, "What a model would need and how fast it would run"},
    {"POST", "/api/v1/plan", plan_of_body, openai_error, "The same, asked with a JSON body"},
    {"GET", "/api/v1/hardware", hardware, openai_error, "This machine"},
    {"GET", "/openapi.json", description, openai_error, "This description (OpenAPI 3.1)"},
};

}  // namespace

std::span<const Route> vivace_routes() { return kRoutes; }

}  // namespace vivace
