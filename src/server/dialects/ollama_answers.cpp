// Ollama's POST /api/chat and /api/generate: one JSON object a line.
#include <chrono>
#include <cstdio>

#include "server/api_error.h"
#include "server/chat_messages.h"
#include "server/dialects/ollama_common.h"
#include "server/dialects/openai_common.h"
#include "server/iso_time.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

std::string line(const Json& json) { return dump_json(json) + "\n"; }

int64_t nanoseconds(double seconds) { return int64_t(seconds * 1e9); }

/// "5m", "24h", "300", -1 (for ever), 0 (unload).
std::optional<std::chrono::seconds> keep_alive_of(JsonFields& fields) {
  const Json* value = fields.find("keep_alive");
  if (value == nullptr) return std::nullopt;
  double number = 0;
  std::string unit = "s";
  if (value->is_number()) {
    number = value->get<double>();
  } else if (value->is_string()) {
    const std::string text = value->get<std::string>();
    char word[8] = "s";
    if (std::sscanf(text.c_str(), "%lf%7s", &number, word) < 1) {
      throw ApiError(400, "time: invalid duration \"" + text + "\"", "keep_alive");
    }
    unit = word;
  }
  if (unit == "m") number *= 60;
  if (unit == "h") number *= 3600;
  if (unit == "ms") number /= 1000;
  constexpr double kForEver = 1e9;
  return std::chrono::seconds(int64_t(number < 0 ? kForEver : std::min(number, kForEver)));
}

void read_options(JsonFields& body, AnswerRequest& request) {
  request.load.ttl = keep_alive_of(body);
  request.overflow = OverflowPolicy::kRollingWindow;  // as Ollama does
  const Json* object = body.object("options");
  if (object == nullptr) return;
  JsonFields options(*object, "options");
  read_sampling_fields(options, request, {.temperature = 100});
  if (const auto most = options.integer("num_predict", -2, 1 << 30))
    request.request.max_tokens = std::max(-1, int32_t(*most));
  if (const auto window = options.integer("repeat_last_n", -1, 1 << 30)) {
    request.request.sampling.repeat_window = int32_t(*window);
  }
  if (const auto context = options.integer("num_ctx", 1, 1 << 24)) request.load.context_length = int32_t(*context);
  if (const auto batch = options.integer("num_batch", 1, 16384)) request.load.batch_size = int32_t(*batch);
  if (const auto layers = options.integer("num_gpu", -1, 1 << 20); layers && *layers >= 0) {
    request.load.gpu_layers = parse_layer_count(std::to_string(*layers));
  }
}

/// "json", or a JSON schema.
void read_format(JsonFields& fields, AnswerRequest& request) {
  const Json* format = fields.find("format");
  if (format == nullptr || *format == Json("")) return;
  if (format->is_object()) {
    request.shape = {AnswerShape::Kind::kSchema, dump_json(*format)};
  } else if (*format == "json") {
    request.shape.kind = AnswerShape::Kind::kJson;
  } else {
    throw ApiError(400, "invalid format: expected \"json\" or a JSON schema", "format");
  }
}

void read_think(JsonFields& fields, AnswerRequest& request) {
  const Json* think = fields.find("think");
  if (think == nullptr) return;
  set_reasoning(request, think->is_string()                          ? think->get<std::string>()
                         : think->is_boolean() && think->get<bool>() ? "on"
                                                                     : "none");
}

Json messages_of(const Json& messages) {
  Json told = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    JsonFields fields(messages[i], "messages[" + std::to_string(i) + "]");
    if (const Json* images = fields.array("images"); images != nullptr && !images->empty()) {
      throw ApiError(400, "this model reads text only, no images", fields.path("images"));
    }
    told.push_back(messages[i]);
    if (const auto thought = fields.text("thinking")) told.back()["reasoning_content"] = *thought;
    if (const auto tool = fields.text("tool_name")) told.back()["name"] = *tool;
  }
  return template_messages(told);
}

class OllamaWriter : public AnswerWriter {
 public:
  explicit OllamaWriter(bool chat) : chat_(chat) {}

  Json whole(const Answer& answer) override {
    const AnswerChoice& choice = answer.choices.front();
    Json calls = Json::array();
    for (const ToolCall& call : choice.calls) calls.push_back(call_json(call));
    Json json = object(answer, choice.content, choice.reasoning, std::move(calls));
    add_end(answer, json);
    return json;
  }

  std::string content_type() const override { return "application/x-ndjson"; }
  std::string heartbeat() const override { return ""; }
  std::string begin(const Answer&) override { return ""; }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    for (const AnswerPart& part : delta.parts) {
      if (part.kind == AnswerPart::Kind::kContent) text += told(answer, part.text, "", Json::array());
      if (part.kind == AnswerPart::Kind::kReasoning) text += told(answer, "", part.text, Json::array());
      if (part.kind == AnswerPart::Kind::kCallEnd) {
        const ToolCall& call = answer.choices.front().calls[size_t(part.call)];
        text += told(answer, "", "", Json::array({call_json(call)}));
      }
    }
    return text;
  }

  std::string choice_end(const Answer&, int) override { return ""; }

  std::string end(const Answer& answer) override {
    Json json = object(answer, "", "", Json::array());
    add_end(answer, json);
    return line(json);
  }

  std::string failure(const Answer&, const Error& error) override {
    return line({{"error", api_failure(error).message}});
  }

 private:
  static Json call_json(const ToolCall& call) {
    const Json arguments = arguments_object(call.arguments);
    return {{"function", {{"name", call.name}, {"arguments", arguments.is_object() ? arguments : Json::object()}}}};
  }

  Json object(const Answer& answer, const std::string& content, const std::string& reasoning, Json calls) const {
    Json json = {{"model", answer.model}, {"created_at", iso_time()}};
    if (chat_) {
      Json message = {{"role", "assistant"}, {"content", content}};
      if (!reasoning.empty()) message["thinking"] = reasoning;
      if (!calls.empty()) message["tool_calls"] = std::move(calls);
      json["message"] = std::move(message);
    } else {
      json["response"] = content;
      if (!reasoning.empty()) json["thinking"] = reasoning;
    }
    json["done"] = false;
    return json;
  }

  std::string told(const Answer& answer, const std::string& content, const std::string& reasoning, Json calls) const {
    return line(object(answer, content, reasoning, std::move(calls)));
  }

  void add_end(const Answer& answer, Json& json) const {
    const AnswerChoice& choice = answer.choices.front();
    const Timings& timings = choice.finished->timings;
    json["done"] = true;
    json["done_reason"] = choice.cut_off() ? "length" : "stop";
    json["total_duration"] = nanoseconds(answer.total_seconds);
    json["load_duration"] = nanoseconds(answer.load_seconds);
    json["prompt_eval_count"] = answer.prompt_tokens;
    json["prompt_eval_duration"] = nanoseconds(timings.prefill_seconds);
    json["eval_count"] = answer.generated_tokens();
    json["eval_duration"] = nanoseconds(timings.decode_seconds);
    if (answer.messages_left_out > 0) json["messages_left_out"] = answer.messages_left_out;
  }

  const bool chat_;
};

/// A request without anything to answer loads the model, or unloads it where it is to be kept for no time.
void load_only(ServerParts& parts, Exchange exchange, const AnswerRequest& request, bool chat) {
  const auto reply = [exchange, model = request.load.model, chat](const char* reason) {
    Json json = {{"model", model}, {"created_at", iso_time()}};
    if (chat) {
      json["message"] = {{"role", "assistant"}, {"content", ""}};
    } else {
      json["response"] = "";
    }
    json["done"] = true;
    json["done_reason"] = reason;
    exchange->respond(json_response(json));
  };
  if (request.load.ttl && request.load.ttl->count() == 0) {
    parts.pool.unload(request.load.model);
    return reply("unload");
  }
  parts.pool.acquire(request.load, false, {}, [exchange, reply](ModelLease, double, const Error* error) {
    if (error != nullptr) return exchange->respond(ollama_error(*error));
    reply("load");
  });
}

}  // namespace

void ollama_chat(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request;
  request.load.model = fields.required_text("model");
  read_options(fields, request);
  const Json* messages = fields.array("messages");
  if (messages == nullptr || messages->empty()) return load_only(parts, std::move(exchange), request, true);
  request.messages = messages_of(*messages);
  read_tools(fields, request);
  read_format(fields, request);
  read_think(fields, request);
  const bool stream = fields.flag("stream").value_or(true);
  parts.answers.answer(std::move(exchange), std::move(request), std::make_unique<OllamaWriter>(true), stream,
                       ollama_error);
}

void ollama_generate(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request;
  request.load.model = fields.required_text("model");
  read_options(fields, request);
  const std::string prompt = fields.text("prompt").value_or("");
  if (prompt.empty()) return load_only(parts, std::move(exchange), request, false);
  if (const Json* images = fields.array("images"); images != nullptr && !images->empty()) {
    throw ApiError(400, "this model reads text only, no images", "images");
  }
  if (fields.flag("raw").value_or(false)) {
    request.text = prompt;
  } else {
    request.messages = Json::array();
    if (const auto system = fields.text("system"); system && !system->empty()) {
      request.messages.push_back({{"role", "system"}, {"content", *system}});
    }
    request.messages.push_back({{"role", "user"}, {"content", prompt}});
  }
  read_format(fields, request);
  read_think(fields, request);
  const bool stream = fields.flag("stream").value_or(true);
  parts.answers.answer(std::move(exchange), std::move(request), std::make_unique<OllamaWriter>(false), stream,
                       ollama_error);
}

}  // namespace vivace
