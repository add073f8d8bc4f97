#include "server/dialects/anthropic.h"

#include "chat/chat_prompt.h"
#include "server/api_error.h"
#include "server/chat_messages.h"
#include "server/dialects/openai_common.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

Json error_object(const Error& error) {
  const ApiFailure failure = api_failure(error);
  std::string type = failure.status >= 500 ? "api_error" : "invalid_request_error";
  if (failure.status == 401) type = "authentication_error";
  if (failure.status == 404) type = "not_found_error";
  if (failure.status == 413) type = "request_too_large";
  if (failure.status == 503) type = "overloaded_error";
  return {{"type", "error"}, {"error", {{"type", type}, {"message", failure.message}}}};
}

// ---- from the client -----------------------------------------------------------------------------------------------

/// A string, or blocks of which the text counts.
std::string blocks_text(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) throw ApiError(400, where + ": must be a string or an array of blocks", where);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    JsonFields block(content[i], where + "." + std::to_string(i));
    const std::string type = block.required_text("type");
    if (type == "text") {
      text += (text.empty() ? "" : "\n") + block.required_text("text");
    } else if (type == "image" || type == "document") {
      throw ApiError(400, block.path("type") + ": this model reads text only", block.path("type"));
    }
  }
  return text;
}

/// One message of blocks may be several of the template: results of tools come first.
void add_message(const Json& message, const std::string& where, Json& told) {
  JsonFields fields(message, where);
  const std::string role = fields.required_text("role");
  if (role != "user" && role != "assistant" && role != "system") {
    throw ApiError(400, where + ".role: must be user or assistant, not '" + role + "'", where + ".role");
  }
  const Json* content = fields.find("content");
  if (content == nullptr) throw ApiError(400, where + ".content: is required", where + ".content");
  Json one = {{"role", role}, {"content", blocks_text(*content, where + ".content")}};
  if (content->is_array()) {
    for (const Json& item : *content) {
      JsonFields block(item, where + ".content");
      const std::string type = block.required_text("type");
      if (type == "tool_use") {
        const Json* input = block.object("input");
        one["tool_calls"].push_back(
            {{"id", block.required_text("id")},
             {"type", "function"},
             {"function",
              {{"name", block.required_text("name")}, {"arguments", input != nullptr ? *input : Json::object()}}}});
      } else if (type == "tool_result") {
        const Json* result = block.find("content");
        told.push_back({{"role", "tool"},
                        {"tool_call_id", block.required_text("tool_use_id")},
                        {"content", result != nullptr ? blocks_text(*result, block.path("content")) : ""}});
      } else if (type == "thinking") {
        one["reasoning_content"] = block.text("thinking").value_or("");
      }
    }
  }
  const bool only_results =
      role == "user" && one.at("content") == Json("") && !told.empty() && told.back().at("role") == "tool";
  if (!only_results) told.push_back(std::move(one));
}

void read_tools_of(JsonFields& fields, AnswerRequest& request) {
  if (const Json* tools = fields.array("tools"); tools != nullptr && !tools->empty()) {
    request.tools = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      JsonFields tool((*tools)[i], "tools." + std::to_string(i));
      const Json* schema = tool.object("input_schema");
      request.tools.push_back(
          {{"type", "function"},
           {"function",
            {{"name", tool.required_text("name")},
             {"description", tool.text("description").value_or("")},
             {"parameters", schema != nullptr ? *schema : Json{{"type", "object"}, {"properties", Json::object()}}}}}});
    }
  }
  const Json* choice = fields.object("tool_choice");
  if (choice == nullptr) return;
  JsonFields chosen(*choice, "tool_choice");
  const std::string type = chosen.required_text("type");
  if (type == "none") {
    request.tool_choice = ToolChoice::kNone;
  } else if (type == "any" || type == "tool") {
    request.tool_choice = ToolChoice::kRequired;
    if (type == "tool") request.tool_name = chosen.required_text("name");
  } else if (type != "auto") {
    throw ApiError(400, "tool_choice.type: must be auto, any, tool or none", "tool_choice.type");
  }
}

AnswerRequest messages_request(JsonFields& fields) {
  AnswerRequest request;
  request.load.model = fields.required_text("model");
  request.messages = Json::array();
  if (const Json* system = fields.find("system")) {
    const std::string text = blocks_text(*system, "system");
    if (!text.empty()) request.messages.push_back({{"role", "system"}, {"content", text}});
  }
  const Json* messages = fields.array("messages");
  if (messages == nullptr || messages->empty())
    throw ApiError(400, "messages: at least one message is required", "messages");
  for (size_t i = 0; i < messages->size(); ++i) {
    add_message((*messages)[i], "messages." + std::to_string(i), request.messages);
  }
  read_tools_of(fields, request);
  if (const Json* thinking = fields.object("thinking")) {
    const std::string type = JsonFields(*thinking, "thinking").required_text("type");
    set_reasoning(request, type == "disabled" ? "none" : "on");
  }
  return request;
}

// ---- to the client -------------------------------------------------------------------------------------------------

std::pair<std::string, Json> stop_of(const AnswerChoice& choice) {
  if (ends_in_call(choice)) return {"tool_use", nullptr};
  switch (choice.finished->reason) {
    case FinishReason::kEnd:
    case FinishReason::kCancelled:
      return {"end_turn", nullptr};
    case FinishReason::kStopString:
      return {"stop_sequence", choice.finished->stop_string};
    case FinishReason::kMaxTokens:
    case FinishReason::kTimeLimit:
      return {"max_tokens", nullptr};
    case FinishReason::kContextLength:
      return {"model_context_window_exceeded", nullptr};
  }
  return {"end_turn", nullptr};
}

Json usage_json(const Answer& answer) {
  return {{"input_tokens", answer.prompt_tokens - answer.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", answer.cached_tokens},
          {"output_tokens", answer.generated_tokens()}};
}

Json message_json(const Answer& answer) {
  return {{"id", "msg_" + answer.id.substr(0, 24)},
          {"type", "message"},
          {"role", "assistant"},
          {"model", answer.model},
          {"content", Json::array()},
          {"stop_reason", nullptr},
          {"stop_sequence", nullptr},
          {"usage", usage_json(answer)}};
}

std::string tool_id(const ToolCall& call) { return "toolu_" + call.id; }

class MessagesWriter : public AnswerWriter {
 public:
  Json whole(const Answer& answer) override {
    Json json = message_json(answer);
    const AnswerChoice& choice = answer.choices.front();
    Json& content = json["content"];
    if (!choice.reasoning.empty()) {
      content.push_back({{"type", "thinking"}, {"thinking", choice.reasoning}, {"signature", ""}});
    }
    if (!choice.content.empty() || choice.calls.empty()) {
      content.push_back({{"type", "text"}, {"text", choice.content}});
    }
    for (const ToolCall& call : choice.calls) {
      const Json input = arguments_object(call.arguments);
      content.push_back({{"type", "tool_use"},
                         {"id", tool_id(call)},
                         {"name", call.name},
                         {"input", input.is_object() ? input : Json::object()}});
    }
    auto [reason, sequence] = stop_of(choice);
    json["stop_reason"] = reason;
    json["stop_sequence"] = sequence;
    return json;
  }

  std::string heartbeat() const override { return sse("ping", {{"type", "ping"}}); }

  std::string begin(const Answer& answer) override {
    return sse("message_start", {{"type", "message_start"}, {"message", message_json(answer)}}) + heartbeat();
  }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    for (const AnswerPart& part : delta.parts) {
      switch (part.kind) {
        case AnswerPart::Kind::kContent:
          text += open("text", {{"type", "text"}, {"text", ""}});
          text += block_delta({{"type", "text_delta"}, {"text", part.text}});
          break;
        case AnswerPart::Kind::kReasoning:
          text += open("thinking", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
          text += block_delta({{"type", "thinking_delta"}, {"thinking", part.text}});
          break;
        case AnswerPart::Kind::kCallBegin: {
          const ToolCall& call = answer.choices.front().calls[size_t(part.call)];
          text += close();
          text += open("tool",
                       {{"type", "tool_use"}, {"id", tool_id(call)}, {"name", call.name}, {"input", Json::object()}});
          break;
        }
        case AnswerPart::Kind::kCallArguments:
          text += block_delta({{"type", "input_json_delta"}, {"partial_json", part.text}});
          break;
        case AnswerPart::Kind::kCallEnd:
          text += close();
          break;
      }
    }
    return text;
  }

  std::string choice_end(const Answer& answer, int) override {
    std::string text;
    if (index_ < 0) text += open("text", {{"type", "text"}, {"text", ""}});
    text += close();
    auto [reason, sequence] = stop_of(answer.choices.front());
    Json usage = usage_json(answer);
    return text + sse("message_delta", {{"type", "message_delta"},
                                        {"delta", {{"stop_reason", reason}, {"stop_sequence", sequence}}},
                                        {"usage", std::move(usage)}});
  }

  std::string end(const Answer&) override { return sse("message_stop", {{"type", "message_stop"}}); }

  std::string failure(const Answer&, const Error& error) override { return sse("error", error_object(error)); }

 private:
  std::string open(const std::string& kind, const Json& block) {
    if (kind == open_) return "";
    std::string text = close();
    open_ = kind;
    ++index_;
    return text +
           sse("content_block_start", {{"type", "content_block_start"}, {"index", index_}, {"content_block", block}});
  }

  std::string block_delta(const Json& delta) const {
    return sse("content_block_delta", {{"type", "content_block_delta"}, {"index", index_}, {"delta", delta}});
  }

  std::string close() {
    if (open_.empty()) return "";
    open_.clear();
    return sse("content_block_stop", {{"type", "content_block_stop"}, {"index", index_}});
  }

  std::string open_;  // kind of the block that is told
  int index_ = -1;
};

void messages(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request = messages_request(fields);
  const auto most = fields.integer("max_tokens", 1, 1 << 30);
  if (!most) throw ApiError(400, "max_tokens: is required", "max_tokens", "missing_required_parameter");
  request.request.max_tokens = int32_t(*most);
  if (const auto value = fields.number("temperature", 0, 2)) request.request.sampling.temperature = float(*value);
  read_top_p(fields, request.request.sampling);
  if (const auto value = fields.integer("top_k", 0, 1 << 30)) request.request.sampling.top_k = int32_t(*value);
  request.request.stop = fields.texts("stop_sequences");
  std::erase(request.request.stop, "");
  read_load_fields(fields, request);
  const bool stream = fields.flag("stream").value_or(false);
  parts.answers.answer(std::move(exchange), std::move(request), std::make_unique<MessagesWriter>(), stream,
                       anthropic_error);
}

void count_tokens(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const AnswerRequest request = messages_request(fields);
  parts.pool.acquire(request.load, false, {}, [exchange, request](ModelLease model, double, const Error* error) {
    if (error != nullptr) return exchange->respond(anthropic_error(*error));
    try {
      ChatPromptOptions options;
      options.tools = request.tools;
      options.extra = request.template_extra;
      const ChatPrompt prompt = make_chat_prompt(model->chat, request.messages, options);
      exchange->respond(json_response({{"input_tokens", prompt.tokens.size()}}));
    } catch (const Error& failure) {
      exchange->respond(anthropic_error(failure));
    }
  });
}

const Route kRoutes[] = {
    {"POST", "/v1/messages", messages, anthropic_error, "Answer a chat (Anthropic); streams as server-sent events"},
    {"POST", "/v1/messages/count_tokens", count_tokens, anthropic_error, "Tokens of a chat's prompt"},
};

}  // namespace

HttpResponse anthropic_error(const Error& error) {
  return json_response(error_object(error), api_failure(error).status);
}

std::span<const Route> anthropic_routes() { return kRoutes; }

}  // namespace vivace
