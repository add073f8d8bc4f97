#include "server/dialects/openai_common.h"

#include "server/chat_messages.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

std::string type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

const char* stop_reason_of(const AnswerChoice& choice) {
  if (ends_in_call(choice)) return "toolCalls";
  switch (choice.finished->reason) {
    case FinishReason::kEnd:
      return "eosFound";
    case FinishReason::kStopString:
      return "stopStringFound";
    case FinishReason::kMaxTokens:
    case FinishReason::kTimeLimit:
      return "maxPredictedTokensReached";
    case FinishReason::kContextLength:
      return "contextLengthReached";
    case FinishReason::kCancelled:
      return "userStopped";
  }
  return "eosFound";
}

}  // namespace

Json openai_error_object(const Error& error) {
  const ApiFailure failure = api_failure(error);
  return {{"message", failure.message},
          {"type", type_of(failure.status)},
          {"param", text_or_null(failure.param)},
          {"code", text_or_null(failure.code)}};
}

HttpResponse openai_error(const Error& error) {
  return json_response({{"error", openai_error_object(error)}}, api_failure(error).status);
}

bool ends_in_call(const AnswerChoice& choice) {
  if (choice.calls.empty()) return false;
  return !choice.cut_off() || arguments_object(choice.calls.back().arguments).is_object();
}

std::string openai_finish_reason(const AnswerChoice& choice) {
  if (ends_in_call(choice)) return "tool_calls";
  return choice.cut_off() ? "length" : "stop";
}

Json openai_usage(const Answer& answer) {
  int32_t reasoning = 0;
  for (const AnswerChoice& choice : answer.choices) reasoning += choice.reasoning_tokens;
  const int32_t generated = answer.generated_tokens();
  return {{"prompt_tokens", answer.prompt_tokens},
          {"completion_tokens", generated},
          {"total_tokens", answer.prompt_tokens + generated},
          {"prompt_tokens_details", {{"cached_tokens", answer.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", reasoning}}}};
}

void read_most_tokens(JsonFields& fields, Request& request) {
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (const auto most = fields.integer(name, -1, 1 << 30)) request.max_tokens = int32_t(*most);
  }
}

bool wants_usage(JsonFields& fields) {
  const Json* options = fields.object("stream_options");
  return options != nullptr && JsonFields(*options, "stream_options").flag("include_usage").value_or(false);
}

void set_reasoning(AnswerRequest& request, const std::string& effort) {
  if (request.template_extra.is_null()) request.template_extra = Json::object();
  const bool thinks = effort != "none" && effort != "off" && effort != "minimal";
  request.template_extra["enable_thinking"] = thinks;
  if (effort == "low" || effort == "medium" || effort == "high") request.template_extra["reasoning_effort"] = effort;
}

void read_tools(JsonFields& fields, AnswerRequest& request) {
  if (const Json* tools = fields.array("tools"); tools != nullptr && !tools->empty()) {
    request.tools = template_tools(*tools);
  }
  const Json* choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_string()) {
    const std::string word = choice->get<std::string>();
    if (word == "none") {
      request.tool_choice = ToolChoice::kNone;
    } else if (word == "required" || word == "any") {
      request.tool_choice = ToolChoice::kRequired;
    } else if (word != "auto") {
      throw ApiError(400, "'tool_choice' must be none, auto, required or a function", "tool_choice", "invalid_value");
    }
  } else {
    JsonFields named(*choice, "tool_choice");
    const Json* function = named.object("function");
    request.tool_choice = ToolChoice::kRequired;
    JsonFields whose(function != nullptr ? *function : *choice, "tool_choice");
    request.tool_name = whose.required_text("name");
  }
  if (request.tool_choice == ToolChoice::kRequired && request.tools.is_null()) {
    throw ApiError(400, "'tool_choice' asks for a call, but 'tools' is empty", "tool_choice", "invalid_value");
  }
}

void read_answer_shape(JsonFields& fields, AnswerRequest& request) {
  AnswerShape& shape = request.shape;
  if (const Json* format = fields.object("response_format")) {
    JsonFields inner(*format, "response_format");
    const std::string type = inner.required_text("type");
    if (type == "json_object") {
      shape.kind = AnswerShape::Kind::kJson;
      if (const Json* schema = inner.object("schema")) shape = {AnswerShape::Kind::kSchema, dump_json(*schema)};
    } else if (type == "json_schema") {
      const Json* named = inner.object("json_schema");
      const Json& holder = named != nullptr ? *named : *format;
      const auto schema = holder.find("schema");
      if (schema == holder.end() || !(schema->is_object() || schema->is_boolean())) {
        throw ApiError(400, "'response_format.json_schema.schema' must be a JSON schema",
                       "response_format.json_schema.schema", "missing_required_parameter");
      }
      shape = {AnswerShape::Kind::kSchema, dump_json(*schema)};
    } else if (type == "regex" || type == "grammar" || type == "gbnf") {
      const bool regex = type == "regex";
      shape = {regex ? AnswerShape::Kind::kRegex : AnswerShape::Kind::kGrammar,
               inner.required_text(regex ? "pattern" : "grammar")};
    } else if (type != "text") {
      throw ApiError(400, "'response_format.type' must be text, json_object, json_schema, regex or grammar",
                     "response_format.type", "invalid_value");
    }
  }
  if (const Json* schema = fields.find("json_schema")) shape = {AnswerShape::Kind::kSchema, dump_json(*schema)};
  if (const auto grammar = fields.text("grammar")) shape = {AnswerShape::Kind::kGrammar, *grammar};
}

AnswerRequest openai_chat_request(JsonFields& fields) {
  AnswerRequest request;
  request.load.model = fields.text("model").value_or("");
  const Json* messages = fields.array("messages");
  if (messages == nullptr) throw ApiError(400, "\"messages\" is required", "messages", "missing_required_parameter");
  request.messages = template_messages(*messages);
  read_sampling_fields(fields, request);
  read_load_fields(fields, request);
  read_most_tokens(fields, request.request);
  read_tools(fields, request);
  read_answer_shape(fields, request);
  request.choices = int(fields.integer("n", 1, 64).value_or(1));
  if (fields.flag("logprobs").value_or(false)) {
    request.request.sampling.logprobs = int32_t(fields.integer("top_logprobs", 0, 20).value_or(0));
  }
  if (const Json* extra = fields.object("chat_template_kwargs")) request.template_extra = *extra;
  if (const auto effort = fields.text("reasoning_effort")) set_reasoning(request, *effort);
  return request;
}

std::string openai_stream_failure(const Error& error) {
  return sse({{"error", openai_error_object(error)}}) + "data: [DONE]\n\n";
}

std::string sse(const Json& json) { return "data: " + dump_json(json) + "\n\n"; }

std::string sse(std::string_view event, const Json& json) {
  return "event: " + std::string(event) + "\ndata: " + dump_json(json) + "\n\n";
}

std::string openai_call_id(const ToolCall& call) { return call.id.starts_with("call") ? call.id : "call_" + call.id; }

void add_lmstudio_v0(const Answer& answer, Json& json) {
  const AnswerChoice& choice = answer.choices.front();
  const Timings& timings = choice.finished->timings;
  Json stats = {{"time_to_first_token", answer.first_token_seconds},
                {"generation_time", timings.decode_seconds},
                {"stop_reason", stop_reason_of(choice)}};
  if (timings.decode_rate > 0) stats["tokens_per_second"] = timings.decode_rate;
  json["stats"] = std::move(stats);
  json["model_info"] = {{"arch", answer.architecture},
                        {"quant", answer.quantisation},
                        {"format", "gguf"},
                        {"context_length", answer.context_length}};
  json["runtime"] = {{"name", "vivace"}, {"version", VIVACE_VERSION}, {"supported_formats", {"gguf"}}};
}

}  // namespace vivace
