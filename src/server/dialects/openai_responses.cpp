// OpenAI's POST /v1/responses: answers as lists of items, with a memory.
#include "server/chat_messages.h"
#include "server/dialects/openai_common.h"
#include "server/random_id.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

// ---- from the client -----------------------------------------------------------------------------------------------

/// One item of `input` as a message of chats.
void add_item(const Json& item, const std::string& where, Json& messages) {
  JsonFields fields(item, where);
  const std::string type = fields.text("type").value_or("message");
  if (type == "message") {
    Json message = item;
    message.erase("type");
    messages.push_back(std::move(message));
  } else if (type == "function_call") {
    const Json call = {
        {"id", fields.required_text("call_id")},
        {"type", "function"},
        {"function", {{"name", fields.required_text("name")}, {"arguments", fields.required_text("arguments")}}}};
    const bool joins = !messages.empty() && messages.back().contains("tool_calls");
    if (!joins) messages.push_back({{"role", "assistant"}, {"content", ""}});
    messages.back()["tool_calls"].push_back(call);
  } else if (type == "function_call_output") {
    const Json* output = fields.find("output");
    const Json content = output == nullptr ? Json("") : *output;
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", fields.required_text("call_id")},
                        {"content", content.is_object() ? Json(dump_json(content)) : content}});
  } else if (type != "reasoning") {
    throw ApiError(400, "'" + where + ".type' must be message, function_call, function_call_output or reasoning",
                   where + ".type", "invalid_value");
  }
}

Json input_messages(JsonFields& fields) {
  const Json* input = fields.find("input");
  if (input == nullptr) throw ApiError(400, "\"input\" is required", "input", "missing_required_parameter");
  Json messages = Json::array();
  if (input->is_string()) {
    messages.push_back({{"role", "user"}, {"content", input->get<std::string>()}});
  } else if (input->is_array()) {
    for (size_t i = 0; i < input->size(); ++i) add_item((*input)[i], "input[" + std::to_string(i) + "]", messages);
  } else {
    throw ApiError(400, "'input' must be a string or an array of items", "input", "invalid_type");
  }
  return template_messages(messages);
}

/// text: {format: {type: json_schema, schema}}
void read_text_format(JsonFields& fields, AnswerRequest& request) {
  const Json* text = fields.object("text");
  if (text == nullptr) return;
  const Json* format = JsonFields(*text, "text").object("format");
  if (format == nullptr) return;
  const Json wrapped = {{"response_format", *format}};
  JsonFields inner(wrapped);
  read_answer_shape(inner, request);
}

// ---- to the client -------------------------------------------------------------------------------------------------

/// What the response says about its request.
struct Settings {
  Json instructions = nullptr, previous = nullptr, tools = Json::array(), metadata = Json::object(), text = nullptr;
  Json tool_choice = "auto", most_tokens = nullptr, temperature = nullptr, top_p = nullptr, effort = nullptr;
  bool store = true;
};

class ResponsesWriter : public AnswerWriter {
 public:
  explicit ResponsesWriter(Settings settings) : settings_(std::move(settings)) {}

  Json whole(const Answer& answer) override {
    const AnswerChoice& choice = answer.choices.front();
    Json output = Json::array();
    if (!choice.reasoning.empty()) output.push_back(reasoning_item(answer, choice.reasoning));
    if (!choice.content.empty() || choice.calls.empty())
      output.push_back(message_item(answer, choice.content, "completed"));
    for (const ToolCall& call : choice.calls) output.push_back(call_item(call, call.arguments, "completed"));
    const bool cut = openai_finish_reason(choice) == "length";
    Json json = response(answer, cut ? "incomplete" : "completed", std::move(output));
    if (cut) json["incomplete_details"] = {{"reason", "max_output_tokens"}};
    int32_t reasoning = choice.reasoning_tokens, generated = answer.generated_tokens();
    json["usage"] = {{"input_tokens", answer.prompt_tokens},
                     {"input_tokens_details", {{"cached_tokens", answer.cached_tokens}}},
                     {"output_tokens", generated},
                     {"output_tokens_details", {{"reasoning_tokens", reasoning}}},
                     {"total_tokens", answer.prompt_tokens + generated}};
    return json;
  }

  std::string begin(const Answer& answer) override {
    const Json json = response(answer, "in_progress", Json::array());
    return event("response.created", {{"response", json}}) + event("response.in_progress", {{"response", json}});
  }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    for (const AnswerPart& part : delta.parts) {
      switch (part.kind) {
        case AnswerPart::Kind::kContent:
          text += open(answer, Item::kMessage);
          item_text_ += part.text;
          text += event("response.output_text.delta", {{"item_id", item_id_},
                                                       {"output_index", index_},
                                                       {"content_index", 0},
                                                       {"delta", part.text},
                                                       {"logprobs", Json::array()}});
          break;
        case AnswerPart::Kind::kReasoning:
          text += open(answer, Item::kReasoning);
          item_text_ += part.text;
          text += event("response.reasoning_text.delta",
                        {{"item_id", item_id_}, {"output_index", index_}, {"content_index", 0}, {"delta", part.text}});
          break;
        case AnswerPart::Kind::kCallBegin:
          text += close(answer);
          call_ = part.call;
          text += open(answer, Item::kCall);
          break;
        case AnswerPart::Kind::kCallArguments:
          item_text_ += part.text;
          text += event("response.function_call_arguments.delta",
                        {{"item_id", item_id_}, {"output_index", index_}, {"delta", part.text}});
          break;
        case AnswerPart::Kind::kCallEnd:
          text += close(answer);
          break;
      }
    }
    return text;
  }

  std::string choice_end(const Answer& answer, int) override {
    std::string text;
    if (index_ < 0) text += open(answer, Item::kMessage);
    return text + close(answer);
  }

  std::string end(const Answer& answer) override {
    const Json json = whole(answer);
    const bool cut = json.at("status") == "incomplete";
    return event(cut ? "response.incomplete" : "response.completed", {{"response", json}});
  }

  std::string failure(const Answer& answer, const Error& error) override {
    Json json = response(answer, "failed", Json::array());
    const Json object = openai_error_object(error);
    json["error"] = {{"code", "server_error"}, {"message", object.at("message")}};
    return event("response.failed", {{"response", std::move(json)}});
  }

 private:
  enum class Item { kNone, kMessage, kReasoning, kCall };

  std::string event(const std::string& type, const Json& fields) {
    Json json = {{"type", type}, {"sequence_number", sequence_++}};
    json.update(fields);
    return sse(type, json);
  }

  Json response(const Answer& answer, const char* status, Json output) const {
    return {{"id", "resp_" + answer.id},
            {"object", "response"},
            {"created_at", answer.created},
            {"status", status},
            {"error", nullptr},
            {"incomplete_details", nullptr},
            {"instructions", settings_.instructions},
            {"max_output_tokens", settings_.most_tokens},
            {"model", answer.model},
            {"output", std::move(output)},
            {"parallel_tool_calls", true},
            {"previous_response_id", settings_.previous},
            {"reasoning", {{"effort", settings_.effort}, {"summary", nullptr}}},
            {"store", settings_.store},
            {"temperature", settings_.temperature},
            {"text", settings_.text.is_null() ? Json{{"format", {{"type", "text"}}}} : settings_.text},
            {"tool_choice", settings_.tool_choice},
            {"tools", settings_.tools},
            {"top_p", settings_.top_p},
            {"truncation", "disabled"},
            {"usage", nullptr},
            {"user", nullptr},
            {"metadata", settings_.metadata}};
  }

  static std::string message_id(const Answer& answer) { return "msg_" + answer.id; }

  static Json message_item(const Answer& answer, const std::string& text, const char* status) {
    Json content = Json::array();
    if (std::string_view(status) == "completed") content.push_back(text_part(text));
    return {{"id", message_id(answer)},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", std::move(content)}};
  }

  static Json text_part(const std::string& text) {
    return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", Json::array()}};
  }

  static Json reasoning_item(const Answer& answer, const std::string& text) {
    Json content = Json::array();
    if (!text.empty()) content.push_back({{"type", "reasoning_text"}, {"text", text}});
    return {
        {"id", "rs_" + answer.id}, {"type", "reasoning"}, {"summary", Json::array()}, {"content", std::move(content)}};
  }

  static Json call_item(const ToolCall& call, const std::string& arguments, const char* status) {
    return {{"id", "fc_" + call.id},           {"type", "function_call"}, {"status", status},
            {"call_id", openai_call_id(call)}, {"name", call.name},       {"arguments", arguments}};
  }

  std::string open(const Answer& answer, Item item) {
    if (item == item_) return "";
    std::string text = close(answer);
    item_ = item;
    item_text_.clear();
    ++index_;
    Json json;
    if (item == Item::kMessage) json = message_item(answer, "", "in_progress");
    if (item == Item::kReasoning) json = reasoning_item(answer, "");
    if (item == Item::kCall) json = call_item(answer.choices.front().calls[size_t(call_)], "", "in_progress");
    item_id_ = json.at("id").get<std::string>();
    text += event("response.output_item.added", {{"output_index", index_}, {"item", json}});
    if (item == Item::kMessage) {
      text += event("response.content_part.added",
                    {{"item_id", item_id_}, {"output_index", index_}, {"content_index", 0}, {"part", text_part("")}});
    }
    return text;
  }

  std::string close(const Answer& answer) {
    const Item item = std::exchange(item_, Item::kNone);
    const Json where = {{"item_id", item_id_}, {"output_index", index_}};
    std::string text;
    Json done;
    const auto with = [&](const Json& more) {
      Json json = where;
      json.update(more);
      return json;
    };
    switch (item) {
      case Item::kNone:
        return "";
      case Item::kMessage:
        text += event("response.output_text.done",
                      with({{"content_index", 0}, {"text", item_text_}, {"logprobs", Json::array()}}));
        text += event("response.content_part.done", with({{"content_index", 0}, {"part", text_part(item_text_)}}));
        done = message_item(answer, item_text_, "completed");
        break;
      case Item::kReasoning:
        text += event("response.reasoning_text.done", with({{"content_index", 0}, {"text", item_text_}}));
        done = reasoning_item(answer, item_text_);
        break;
      case Item::kCall: {
        const ToolCall& call = answer.choices.front().calls[size_t(call_)];
        text += event("response.function_call_arguments.done", with({{"arguments", item_text_}, {"name", call.name}}));
        done = call_item(call, item_text_, "completed");
        break;
      }
    }
    return text + event("response.output_item.done", {{"output_index", index_}, {"item", std::move(done)}});
  }

  const Settings settings_;
  int64_t sequence_ = 0;
  Item item_ = Item::kNone;
  std::string item_id_, item_text_;
  int index_ = -1, call_ = 0;
};

Json assistant_message(const AnswerChoice& choice) {
  Json message = {{"role", "assistant"}, {"content", choice.content}};
  for (const ToolCall& call : choice.calls) {
    message["tool_calls"].push_back(
        {{"id", openai_call_id(call)},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", arguments_object(call.arguments)}}}});
  }
  return message;
}

Json remembered(JsonFields& fields, ServerParts& parts, Settings& settings) {
  const auto previous = fields.text("previous_response_id");
  if (!previous) return Json::array();
  settings.previous = *previous;
  const auto stored = parts.conversations.find(*previous);
  if (!stored) {
    throw ApiError(404, "Previous response with id '" + *previous + "' not found.", "previous_response_id",
                   "previous_response_not_found");
  }
  return stored->messages;
}

void create(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request;
  Settings settings;
  request.load.model = fields.text("model").value_or("");
  Json chat = remembered(fields, parts, settings);  // without instructions: they hold for one response
  for (const Json& message : input_messages(fields)) chat.push_back(message);
  request.messages = chat;
  if (const auto instructions = fields.text("instructions")) {
    settings.instructions = *instructions;
    request.messages.insert(request.messages.begin(), Json{{"role", "system"}, {"content", *instructions}});
  }
  read_sampling_fields(fields, request);
  read_load_fields(fields, request);
  if (const auto most = fields.integer("max_output_tokens", 1, 1 << 30)) request.request.max_tokens = int32_t(*most);
  read_tools(fields, request);
  read_text_format(fields, request);
  if (const Json* reasoning = fields.object("reasoning")) {
    if (const auto effort = JsonFields(*reasoning, "reasoning").text("effort")) {
      set_reasoning(request, *effort);
      settings.effort = *effort;
    }
  }
  const auto copy = [&](const char* name, Json& to) {
    if (const Json* value = fields.find(name)) to = *value;
  };
  copy("tools", settings.tools);
  copy("tool_choice", settings.tool_choice);
  copy("metadata", settings.metadata);
  copy("text", settings.text);
  copy("max_output_tokens", settings.most_tokens);
  copy("temperature", settings.temperature);
  copy("top_p", settings.top_p);
  settings.store = fields.flag("store").value_or(true);
  const bool stream = fields.flag("stream").value_or(false);
  std::function<void(const Answer&)> keep;
  if (settings.store) {
    keep = [&parts, chat, settings, model = request.load.model](const Answer& answer) {
      Json all = chat;
      all.push_back(assistant_message(answer.choices.front()));
      parts.conversations.keep("resp_" + answer.id, {model, std::move(all), ResponsesWriter(settings).whole(answer)});
    };
  }
  parts.answers.answer(std::move(exchange), std::move(request), std::make_unique<ResponsesWriter>(settings), stream,
                       openai_error, std::move(keep));
}

ApiError unknown(const std::string& id) {
  return ApiError(404, "Response with id '" + id + "' not found.", "response_id", "response_not_found");
}

void retrieve(ServerParts& parts, Exchange exchange, const std::string& id) {
  const auto stored = parts.conversations.find(id);
  if (!stored || stored->body.is_null()) throw unknown(id);
  exchange->respond(json_response(stored->body));
}

void remove(ServerParts& parts, Exchange exchange, const std::string& id) {
  if (!parts.conversations.remove(id)) throw unknown(id);
  exchange->respond(json_response({{"id", id}, {"object", "response.deleted"}, {"deleted", true}}));
}

const Route kRoutes[] = {
    {"POST", "/v1/responses", create, openai_error, "Answer an input; stateful, streams as server-sent events"},
    {"GET", "/v1/responses/*", retrieve, openai_error, "A stored response"},
    {"DELETE", "/v1/responses/*", remove, openai_error, "Forget a response"},
};

}  // namespace

std::span<const Route> openai_responses_routes() { return kRoutes; }

}  // namespace vivace
