#include "server/api_description.h"

#include "base/json.h"
#include "server/routes.h"

namespace vivace {
namespace {

Json json_content(const Json& schema) { return {{"application/json", {{"schema", schema}}}}; }

Json reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

Json text() { return {{"type", "string"}}; }
Json number(double least, double most) { return {{"type", {"number", "null"}}, {"minimum", least}, {"maximum", most}}; }
Json integer(int64_t least, int64_t most) {
  return {{"type", {"integer", "null"}}, {"minimum", least}, {"maximum", most}};
}
Json flag() { return {{"type", {"boolean", "null"}}}; }

/// Fields that any client may send, and those that must be there.
Json object(Json properties, const std::vector<std::string>& required) {
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json message_schema() {
  return object({{"role", {{"type", "string"}, {"enum", {"system", "developer", "user", "assistant", "tool"}}}},
                 {"content", text()}},
                {"role", "content"});
}

Json sampling_properties() {
  return {{"temperature", number(0, 2)},
          {"top_p", number(0, 1)},
          {"top_k", integer(-1, 1 << 30)},
          {"min_p", number(0, 1)},
          {"presence_penalty", number(-2, 2)},
          {"frequency_penalty", number(-2, 2)},
          {"repeat_penalty", number(0.01, 100)},
          {"seed", integer(-(int64_t{1} << 52), int64_t{1} << 52)},
          {"stream", flag()}};
}

Json with(Json properties, const Json& more) {
  properties.update(more);
  return properties;
}

Json schemas() {
  const Json messages = {{"type", "array"}, {"minItems", 1}, {"items", reference("Message")}};
  Json all;
  all["Message"] = message_schema();
  all["Error"] = {{"type", "object"}};
  all["Answer"] = {{"type", "object"}};
  all["/v1/chat/completions"] = object(with(sampling_properties(), {{"model", text()},
                                                                    {"messages", messages},
                                                                    {"max_tokens", integer(-1, 1 << 30)},
                                                                    {"n", integer(1, 64)},
                                                                    {"logprobs", flag()},
                                                                    {"top_logprobs", integer(0, 20)}}),
                                       {"messages"});
  all["/v1/completions"] =
      object(with(sampling_properties(), {{"model", text()}, {"prompt", text()}, {"max_tokens", integer(-1, 1 << 30)}}),
             {"prompt"});
  all["/v1/responses"] = object(
      with(sampling_properties(), {{"model", text()}, {"input", text()}, {"max_output_tokens", integer(1, 1 << 30)}}),
      {"input"});
  all["/v1/messages"] = object({{"model", text()},
                                {"messages", messages},
                                {"max_tokens", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1 << 30}}},
                                {"system", text()},
                                {"stream", flag()}},
                               {"model", "messages", "max_tokens"});
  all["/v1/messages/count_tokens"] = object({{"model", text()}, {"messages", messages}}, {"model", "messages"});
  all["/api/v1/chat"] = object({{"model", text()},
                                {"input", text()},
                                {"system_prompt", text()},
                                {"stream", flag()},
                                {"store", flag()},
                                {"temperature", number(0, 1)},
                                {"max_output_tokens", integer(1, 1 << 30)}},
                               {"model", "input"});
  all["/api/v1/models/load"] = object({{"model", text()}, {"context_length", integer(1, 1 << 24)}}, {"model"});
  all["/api/v1/models/unload"] = object({{"instance_id", text()}}, {"instance_id"});
  all["/api/v1/plan"] = object({{"model", text()}, {"context_length", integer(1, 1 << 24)}}, {"model"});
  all["/api/v1/generate"] = object(with(sampling_properties(), {{"model", text()},
                                                                {"messages", messages},
                                                                {"prompt", text()},
                                                                {"max_tokens", integer(-1, 1 << 30)},
                                                                {"repeat_window", integer(-1, 1 << 30)},
                                                                {"logprobs", integer(0, 100)}}),
                                   {});
  all["/api/chat"] = object(
      {{"model", text()}, {"messages", {{"type", "array"}, {"items", reference("Message")}}}, {"stream", flag()}},
      {"model"});
  all["/api/generate"] = object({{"model", text()}, {"prompt", text()}, {"stream", flag()}}, {"model"});
  all["/api/show"] = object({{"model", text()}}, {"model"});
  all["/v1/embeddings"] = object({{"model", text()}, {"input", {{"type", "string"}, {"minLength", 1}}}}, {"input"});
  all["/api/v0/embeddings"] = all["/v1/embeddings"];
  all["/api/embed"] =
      object({{"model", text()}, {"input", {{"type", "string"}, {"minLength", 1}}}}, {"model", "input"});
  all["/api/embeddings"] =
      object({{"model", text()}, {"prompt", {{"type", "string"}, {"minLength", 1}}}}, {"model", "prompt"});
  all["/api/v0/chat/completions"] = all["/v1/chat/completions"];
  all["/api/v0/completions"] = all["/v1/completions"];
  return all;
}

/// "/v1/models/*" → "/v1/models/{name}"
std::string template_path(std::string_view pattern) {
  std::string path(pattern);
  if (path.ends_with('*')) path.replace(path.size() - 1, 1, "{name}");
  return path;
}

/// A component's name may hold no slashes.
std::string schema_name(std::string_view path) {
  std::string name(path.substr(1));
  for (char& c : name) c = c == '/' ? '.' : c;
  return name;
}

Json operation(const Route& route, const Json& known) {
  Json json = {{"summary", std::string(route.summary)}};
  if (route.pattern.ends_with('*')) {
    json["parameters"].push_back({{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", text()}});
  }
  if (route.pattern == "/api/v1/plan" && route.method == "GET") {
    json["parameters"].push_back({{"name", "model"}, {"in", "query"}, {"required", true}, {"schema", text()}});
    for (const char* name : {"context_length", "batch_size", "parallel"}) {
      json["parameters"].push_back(
          {{"name", name}, {"in", "query"}, {"schema", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1024}}}});
    }
    for (const char* name : {"gpu_layers", "cpu_ffn"}) {
      json["parameters"].push_back({{"name", name}, {"in", "query"}, {"schema", text()}});
    }
  }
  if (route.method == "POST" && known.contains(std::string(route.pattern))) {
    json["requestBody"] = {{"required", true}, {"content", json_content(reference(schema_name(route.pattern)))}};
  }
  Json answer = {{"description", "The answer"}};
  const bool is_text = route.pattern == "/metrics" || route.pattern == "/";
  answer["content"] = is_text ? Json{{"text/plain", {{"schema", text()}}}} : json_content(reference("Answer"));
  if (route.method == "POST") {
    answer["content"]["text/event-stream"] = {{"schema", text()}};
    answer["content"]["application/x-ndjson"] = {{"schema", text()}};
  }
  json["responses"] = {{"200", std::move(answer)},
                       {"default",
                        {{"description", "What went wrong, in the dialect's own shape"},
                         {"content", json_content(reference("Error"))}}}};
  return json;
}

}  // namespace

Json api_description(const std::string& version) {
  const Json known = schemas();
  Json paths = Json::object(), components = Json::object();
  for (const auto& [name, schema] : known.items())
    components[name.starts_with("/") ? schema_name(name) : name] = schema;
  for (const Route& route : all_routes()) {
    std::string method(route.method);
    for (char& c : method) c = char(c | 0x20);
    paths[template_path(route.pattern)][method] = operation(route, known);
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Vivace"},
            {"version", version},
            {"description", "OpenAI's, LM Studio's, Anthropic's and Ollama's APIs on one port, and Vivace's own"}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(components)}}}};
}

}  // namespace vivace
