#include "server/chat_messages.h"

#include "base/error.h"
#include "base/utf8.h"
#include "server/api_error.h"
#include "server/json_fields.h"

namespace vivace {
namespace {

ApiError image_error(const std::string& where) {
  return ApiError(400, "'" + where + "' has an image or another medium: this model reads text only", where,
                  "unsupported_content");
}

/// A string, or an array of parts {type: text, text}; null is "".
std::string content_text(const Json& message, const std::string& where) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) return "";
  if (content->is_string()) return replace_invalid_utf8(content->get<std::string>());
  if (!content->is_array()) {
    throw ApiError(400, "'" + where + ".content' must be a string or an array of parts", where + ".content",
                   "invalid_type");
  }
  std::string text;
  for (size_t i = 0; i < content->size(); ++i) {
    const std::string part_where = where + ".content[" + std::to_string(i) + "]";
    JsonFields part((*content)[i], part_where);
    const std::string type = part.text("type").value_or("text");
    if (type == "text" || type == "input_text" || type == "output_text") {
      text += part.required_text("text");
    } else if (type == "refusal") {
      text += part.text("refusal").value_or("");
    } else {
      throw image_error(part_where);
    }
  }
  return replace_invalid_utf8(text);
}

Json tool_calls(const Json& calls, const std::string& where) {
  Json told = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    JsonFields call(calls[i], where + "[" + std::to_string(i) + "]");
    const Json* function = call.object("function");
    if (function == nullptr) {
      throw ApiError(400, "'" + call.path("function") + "' is missing", call.path("function"),
                     "missing_required_parameter");
    }
    JsonFields fields(*function, call.path("function"));
    const Json* arguments = fields.find("arguments");
    Json one = {{"type", "function"},
                {"function",
                 {{"name", fields.required_text("name")},
                  {"arguments", arguments == nullptr ? Json::object() : arguments_object(*arguments)}}}};
    if (const auto id = call.text("id")) one["id"] = *id;
    told.push_back(std::move(one));
  }
  return told;
}

Json template_message(const Json& message, const std::string& where) {
  JsonFields fields(message, where);
  std::string role = fields.required_text("role");
  if (role == "developer") role = "system";
  if (role == "function") role = "tool";
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw ApiError(400, "'" + where + ".role' must be system, developer, user, assistant or tool, not '" + role + "'",
                   where + ".role", "invalid_value");
  }
  Json told = {{"role", role}, {"content", content_text(message, where)}};
  if (const auto name = fields.text("name")) told["name"] = *name;
  if (const auto id = fields.text("tool_call_id")) told["tool_call_id"] = *id;
  if (const auto thought = fields.text("reasoning_content")) told["reasoning_content"] = *thought;
  const Json* calls = fields.array("tool_calls");
  if (calls != nullptr && !calls->empty()) told["tool_calls"] = tool_calls(*calls, where + ".tool_calls");
  return told;
}

}  // namespace

Json arguments_object(const Json& arguments) {
  if (!arguments.is_string()) return arguments;
  try {
    Json parsed = parse_json(arguments.get<std::string>());
    if (parsed.is_object()) return parsed;
  } catch (const Error&) {  // what a model once wrote; the template shows it as text
  }
  return arguments;
}

Json template_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty()) {
    throw ApiError(400, "'messages' must be an array of at least one message", "messages", "invalid_value");
  }
  Json told = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    told.push_back(template_message(messages[i], "messages[" + std::to_string(i) + "]"));
  }
  return told;
}

Json template_tools(const Json& tools) {
  Json told = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string where = "tools[" + std::to_string(i) + "]";
    JsonFields tool(tools[i], where);
    const std::string type = tool.text("type").value_or("function");
    if (type != "function") {
      throw ApiError(400, "'" + where + ".type' must be function; other tools run elsewhere", where + ".type",
                     "invalid_value");
    }
    // The Responses API writes the function's fields beside the type.
    const Json* function = tool.object("function");
    JsonFields fields(function != nullptr ? *function : tools[i], function != nullptr ? where + ".function" : where);
    Json one = {{"name", fields.required_text("name")}};
    if (const auto description = fields.text("description")) one["description"] = *description;
    const Json* parameters = fields.object("parameters");
    one["parameters"] = parameters != nullptr ? *parameters : Json{{"type", "object"}, {"properties", Json::object()}};
    told.push_back({{"type", "function"}, {"function", std::move(one)}});
  }
  return told;
}

}  // namespace vivace
