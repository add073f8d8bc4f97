// LM Studio's REST API v1: /api/v1/…
#include "base/date.h"
#include "server/api_error.h"
#include "server/dialects/lmstudio_common.h"
#include "server/dialects/openai_common.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json load_config(const ServedModel& model) {
  const Plan& plan = model.plan();
  return {{"context_length", plan.context_length},
          {"eval_batch_size", plan.limits.tokens},
          {"parallel", plan.parallel},
          {"flash_attention", true},
          {"offload_kv_cache_to_gpu", model.source->wishes().kv_on_gpu}};
}

Json capabilities(const ModelDetail& detail) {
  Json json = {{"vision", false}, {"trained_for_tool_use", detail.tools}};
  if (detail.reasoning) json["reasoning"] = {{"allowed_options", {"off", "on"}}, {"default", "on"}};
  return json;
}

Json model_json(ServerParts& parts, const ModelEntry& entry, const std::vector<std::shared_ptr<ServedModel>>& loaded) {
  const ModelDetail detail = parts.details.of(entry);
  Json instances = Json::array();
  for (const auto& model : loaded) {
    if (model->entry.path == entry.path) instances.push_back({{"id", model->id}, {"config", load_config(*model)}});
  }
  Json quantisation = nullptr;
  if (detail.readable) {
    quantisation = {{"name", or_null(detail.quantisation)}, {"bits_per_weight", detail.bits_per_weight}};
  }
  return {{"type", "llm"},
          {"publisher", entry.publisher},
          {"key", entry.key},
          {"display_name", detail.name.empty() ? entry.key : detail.name},
          {"architecture", or_null(detail.architecture)},
          {"quantization", std::move(quantisation)},
          {"size_bytes", entry.bytes},
          {"params_string", or_null(parameters_text(detail.parameters))},
          {"loaded_instances", std::move(instances)},
          {"max_context_length", detail.context_length},
          {"format", "gguf"},
          {"capabilities", capabilities(detail)},
          {"description", nullptr}};
}

void models(ServerParts& parts, Exchange exchange, const std::string&) {
  const auto loaded = parts.pool.loaded();
  Json list = Json::array();
  for (const ModelEntry& entry : parts.pool.available()) list.push_back(model_json(parts, entry, loaded));
  exchange->respond(json_response({{"models", std::move(list)}}));
}

void load(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  LoadWish wish;
  wish.model = fields.required_text("model");
  wish.context_length = fields.whole("context_length", 1, 1 << 24);
  wish.batch_size = fields.whole("eval_batch_size", 1, 16384);
  wish.parallel = fields.whole("parallel", 1, 1024);
  wish.kv_on_gpu = fields.flag("offload_kv_cache_to_gpu");
  fields.flag("flash_attention");  // is always on
  if (fields.integer("num_experts", 1, 1 << 16)) {
    throw ApiError(400, "'num_experts' can't be changed for this model", "num_experts", "invalid_value");
  }
  if (const auto seconds = fields.integer("ttl", 0, int64_t{1} << 31)) wish.ttl = std::chrono::seconds(*seconds);
  const bool echo = fields.flag("echo_load_config").value_or(false);
  fields.refuse_others();
  parts.pool.acquire(wish, true, {}, [exchange, echo](ModelLease model, double seconds, const Error* error) {
    if (error != nullptr) return exchange->respond(lmstudio_error(*error));
    Json json = {{"type", "llm"}, {"instance_id", model->id}, {"load_time_seconds", seconds}, {"status", "loaded"}};
    if (echo) json["load_config"] = load_config(*model);
    exchange->respond(json_response(json));
  });
}

void unload(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const std::string instance = fields.required_text("instance_id");
  fields.refuse_others();
  parts.pool.unload(instance);
  exchange->respond(json_response({{"instance_id", instance}}));
}

Json download_json(const DownloadState& state) {
  const char* status = "downloading";
  if (state.status == DownloadState::Status::kCompleted) status = "completed";
  if (state.status == DownloadState::Status::kFailed) status = "failed";
  if (state.status == DownloadState::Status::kThere) return {{"status", "already_downloaded"}};
  Json json = {{"job_id", state.job},
               {"status", status},
               {"total_size_bytes", state.total},
               {"downloaded_bytes", state.done},
               {"started_at", date_text(state.started)}};
  if (state.status == DownloadState::Status::kDownloading) {
    json["bytes_per_second"] = state.bytes_per_second;
    if (state.bytes_per_second > 0) {
      const double left = double(state.total - state.done) / state.bytes_per_second;
      json["estimated_completion"] = date_text(state.started + int64_t(left));
    }
  }
  if (state.status == DownloadState::Status::kCompleted) json["completed_at"] = date_text(state.ended);
  if (!state.error.empty()) json["error"] = state.error;
  return json;
}

void download(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const std::string model = fields.required_text("model");
  const std::string quantisation = fields.text("quantization").value_or("");
  fields.refuse_others();
  if (find_model(parts.pool.available(), model))
    return exchange->respond(json_response({{"status", "already_downloaded"}}));
  exchange->respond(json_response(download_json(parts.downloads.start(model, quantisation))));
}

void download_status(ServerParts& parts, Exchange exchange, const std::string& job) {
  const auto state = parts.downloads.find(job);
  if (!state) throw ApiError(404, "there is no download job '" + job + "'", "job_id", "job_not_found");
  exchange->respond(json_response(download_json(*state)));
}

// ---- chat ----------------------------------------------------------------------------------------------------------

Json stats_json(const Answer& answer) {
  const AnswerChoice& choice = answer.choices.front();
  Json stats = {{"input_tokens", answer.prompt_tokens},
                {"total_output_tokens", answer.generated_tokens()},
                {"reasoning_output_tokens", choice.reasoning_tokens}};
  if (choice.finished->timings.decode_rate > 0) stats["tokens_per_second"] = choice.finished->timings.decode_rate;
  stats["time_to_first_token_seconds"] = answer.first_token_seconds;
  if (answer.load_seconds > 0) stats["model_load_time_seconds"] = answer.load_seconds;
  return stats;
}

class ChatWriter : public AnswerWriter {
 public:
  explicit ChatWriter(bool store) : store_(store) {}

  Json whole(const Answer& answer) override {
    const AnswerChoice& choice = answer.choices.front();
    Json output = Json::array();
    if (!choice.reasoning.empty()) output.push_back({{"type", "reasoning"}, {"content", choice.reasoning}});
    output.push_back({{"type", "message"}, {"content", choice.content}});
    Json json = {{"model_instance_id", answer.instance}, {"output", std::move(output)}, {"stats", stats_json(answer)}};
    if (store_) json["response_id"] = "resp_" + answer.id;
    return json;
  }

  bool tells_progress() const override { return true; }

  std::string loading(const Answer& answer, double share) override {
    std::string text = open(answer);
    // The call after the last one says that the model is there; without a load it is the only one.
    if (share >= 1 && answer.load_seconds == 0) return text;
    if (!load_begun_) text += event("model_load.start", {{"model_instance_id", answer.instance}});
    load_begun_ = true;
    if (answer.load_seconds == 0) {
      return text + event("model_load.progress", {{"model_instance_id", answer.instance}, {"progress", share}});
    }
    return text + event("model_load.end",
                        {{"model_instance_id", answer.instance}, {"load_time_seconds", answer.load_seconds}});
  }

  std::string reading(const Answer&, double share) override {
    if (share == 0)
      return event("prompt_processing.start", Json::object()) +
             event("prompt_processing.progress", {{"progress", 0.0}});
    return event("prompt_processing.progress", {{"progress", share}});
  }

  std::string begin(const Answer&) override { return ""; }

  std::string delta(const Answer&, const AnswerDelta& delta) override {
    std::string text = end_reading();
    for (const AnswerPart& part : delta.parts) {
      const bool reasoning = part.kind == AnswerPart::Kind::kReasoning;
      if (!reasoning && part.kind != AnswerPart::Kind::kContent) continue;
      text += switch_to(reasoning ? "reasoning" : "message");
      text += event(reasoning ? "reasoning.delta" : "message.delta", {{"content", part.text}});
    }
    return text;
  }

  std::string choice_end(const Answer& answer, int) override {
    std::string text = end_reading();
    if (answer.choices.front().content.empty()) text += switch_to("message");
    return text + switch_to("");
  }

  std::string end(const Answer& answer) override { return event("chat.end", {{"result", whole(answer)}}); }

  std::string failure(const Answer& answer, const Error& error) override {
    Json result = {{"model_instance_id", answer.instance}, {"output", Json::array()}, {"stats", Json::object()}};
    return open(answer) + event("error", {{"error", lmstudio_error_object(error)}}) +
           event("chat.end", {{"result", std::move(result)}});
  }

 private:
  static std::string event(const std::string& type, const Json& fields) {
    Json json = {{"type", type}};
    json.update(fields);
    return sse(type, json);
  }

  std::string open(const Answer& answer) {
    if (std::exchange(open_, true)) return "";
    return event("chat.start", {{"model_instance_id", answer.instance}});
  }

  std::string end_reading() {
    if (std::exchange(read_, true)) return "";
    return event("prompt_processing.progress", {{"progress", 1.0}}) + event("prompt_processing.end", Json::object());
  }

  std::string switch_to(const std::string& section) {
    if (section == section_) return "";
    std::string text;
    if (!section_.empty()) text += event(section_ + ".end", Json::object());
    section_ = section;
    if (!section.empty()) text += event(section + ".start", Json::object());
    return text;
  }

  const bool store_;
  bool open_ = false, load_begun_ = false, read_ = false;
  std::string section_;
};

/// `input`: a string, or items {type: message|text, content}.
std::string input_text(JsonFields& fields) {
  const Json* input = fields.find("input");
  if (input == nullptr) throw ApiError(400, "\"input\" is required", "input", "missing_required_parameter");
  if (input->is_string()) return input->get<std::string>();
  if (!input->is_array() || input->empty()) {
    throw ApiError(400, "'input' must be a string or an array of items", "input", "invalid_value");
  }
  std::string text;
  for (size_t i = 0; i < input->size(); ++i) {
    JsonFields item((*input)[i], "input[" + std::to_string(i) + "]");
    const std::string type = item.required_text("type");
    if (type == "image")
      throw ApiError(400, "this model reads text only, no images", item.path("type"), "invalid_value");
    if (type != "message" && type != "text") {
      throw ApiError(400, "'" + item.path("type") + "' must be message or image", item.path("type"), "invalid_value");
    }
    text += (text.empty() ? "" : "\n") + item.required_text("content");
  }
  return text;
}

void read_reasoning(JsonFields& fields, AnswerRequest& request) {
  const auto reasoning = fields.text("reasoning");
  if (!reasoning) return;
  for (const char* known : {"off", "low", "medium", "high", "on"}) {
    if (*reasoning == known) return set_reasoning(request, *reasoning);
  }
  throw ApiError(400, "'reasoning' must be off, low, medium, high or on", "reasoning", "invalid_value");
}

AnswerRequest chat_request(JsonFields& fields, ServerParts& parts) {
  AnswerRequest request;
  request.load.model = fields.required_text("model");
  request.overflow = OverflowPolicy::kTruncateMiddle;
  request.messages = Json::array();
  const auto previous = fields.text("previous_response_id");
  if (previous) {
    if (!previous->starts_with("resp_")) {
      throw ApiError(400, "'previous_response_id' must start with resp_", "previous_response_id", "invalid_value");
    }
    const auto stored = parts.conversations.find(*previous);
    if (!stored) {
      throw ApiError(404, "there is no response '" + *previous + "' here", "previous_response_id",
                     "response_not_found");
    }
    request.messages = stored->messages;
  }
  if (const auto system = fields.text("system_prompt"); system && !system->empty()) {
    const bool has = !request.messages.empty() && request.messages[0].at("role") == "system";
    if (has) request.messages.erase(0);
    request.messages.insert(request.messages.begin(), Json{{"role", "system"}, {"content", *system}});
  }
  request.messages.push_back({{"role", "user"}, {"content", input_text(fields)}});
  if (const auto value = fields.number("temperature", 0, 1)) request.request.sampling.temperature = float(*value);
  read_top_p(fields, request.request.sampling);
  if (const auto value = fields.integer("top_k", 0, 1 << 30)) request.request.sampling.top_k = int32_t(*value);
  if (const auto value = fields.number("min_p", 0, 1)) request.request.sampling.min_p = float(*value);
  if (const auto value = fields.number("repeat_penalty", 0.01, 100))
    request.request.sampling.repeat_penalty = float(*value);
  if (const auto value = fields.integer("max_output_tokens", 1, 1 << 30)) request.request.max_tokens = int32_t(*value);
  if (const auto value = fields.integer("context_length", 1, 1 << 24)) request.load.context_length = int32_t(*value);
  read_reasoning(fields, request);
  if (const Json* integrations = fields.array("integrations"); integrations != nullptr && !integrations->empty()) {
    throw ApiError(
        400, "integrations (plugins, MCP servers) are not run by this server; use tools with /v1/chat/completions",
        "integrations", "not_implemented");
  }
  return request;
}

void chat(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request = chat_request(fields, parts);
  const bool stream = fields.flag("stream").value_or(false);
  const bool store = fields.flag("store").value_or(true);
  fields.refuse_others();
  std::function<void(const Answer&)> keep;
  if (store) {
    keep = [&parts, messages = request.messages, model = request.load.model](const Answer& answer) {
      Json all = messages;
      all.push_back({{"role", "assistant"}, {"content", answer.choices.front().content}});
      parts.conversations.keep("resp_" + answer.id, {model, std::move(all)});
    };
  }
  parts.answers.answer(std::move(exchange), std::move(request), std::make_unique<ChatWriter>(store), stream,
                       lmstudio_error, std::move(keep));
}

void greeting(ServerParts&, Exchange exchange, const std::string&) {
  exchange->respond(json_response({{"lmstudio", true}}));
}

void status(ServerParts& parts, Exchange exchange, const std::string&) {
  exchange->respond(json_response({{"package", "vivace"}, {"version", parts.version}}));
}

const Route kRoutes[] = {
    {"GET", "/api/v1/models", models, lmstudio_error, "Models on this machine, with what is loaded (LM Studio)"},
    {"POST", "/api/v1/models/load", load, lmstudio_error, "Load a model"},
    {"POST", "/api/v1/models/unload", unload, lmstudio_error, "Unload a model"},
    {"POST", "/api/v1/models/download", download, lmstudio_error, "Fetch a model from the hub"},
    {"GET", "/api/v1/models/download/status/*", download_status, lmstudio_error, "How far a download is"},
    {"POST", "/api/v1/chat", chat, lmstudio_error, "Answer an input; stateful, streams as server-sent events"},
    {"GET", "/lmstudio-greeting", greeting, lmstudio_error, "How LM Studio's clients find a server"},
    {"GET", "/lms-status", status, lmstudio_error, "The same, with a version"},
};

}  // namespace

Json lmstudio_error_object(const Error& error) {
  const ApiFailure failure = api_failure(error);
  std::string type = failure.status >= 500 ? "internal_error" : "invalid_request";
  if (failure.code == "model_not_found") type = "model_not_found";
  if (failure.code == "job_not_found") type = "job_not_found";
  if (failure.code == "not_implemented") type = "not_implemented";
  Json json = {{"type", type}, {"message", failure.message}};
  if (!failure.code.empty()) json["code"] = failure.code;
  if (!failure.param.empty()) json["param"] = failure.param;
  return json;
}

HttpResponse lmstudio_error(const Error& error) {
  return json_response({{"error", lmstudio_error_object(error)}}, api_failure(error).status);
}

std::span<const Route> lmstudio_routes() { return kRoutes; }

}  // namespace vivace
