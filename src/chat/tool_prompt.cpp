#include "chat/tool_prompt.h"

#include "base/json.h"

namespace vivace {

std::string message_text(const Json& message, const char* field) {
  const auto found = message.find(field);
  return found != message.end() && found->is_string() ? found->get<std::string>() : "";
}

namespace {

// The words of LM Studio's default format (docs, OpenAI compatibility, tools).
std::string instructions(const Json& tools) {
  const Json described = {{"type", "toolArray"}, {"tools", tools}};
  return "You are a tool-calling AI. You can request calls to available tools with this EXACT format:\n"
         "[TOOL_REQUEST]{\"name\": \"tool_name\", \"arguments\": {\"param1\": \"value1\"}}[END_TOOL_REQUEST]\n\n"
         "AVAILABLE TOOLS:\n" +
         dump_json(described) +
         "\n\nRULES:\n"
         "- Only use tools from AVAILABLE TOOLS\n"
         "- Include all required arguments\n"
         "- Use one [TOOL_REQUEST] block per tool\n"
         "- Never use [TOOL_RESULT]\n"
         "- If you decide to call one or more tools, there should be no other text in your message\n"
         "- If no tool is needed, answer in plain text";
}

Json call_as_text(const Json& message) {
  std::string text = message_text(message, "content");
  for (const Json& call : message.at("tool_calls")) {
    const auto function = call.find("function");
    if (function == call.end()) continue;
    Json request = {{"name", function->value("name", "")}, {"arguments", function->value("arguments", Json::object())}};
    text += (text.empty() ? "" : "\n") + ("[TOOL_REQUEST]" + dump_json(request) + "[END_TOOL_REQUEST]");
  }
  return {{"role", "assistant"}, {"content", text}};
}

}  // namespace

Json with_tools_as_text(const Json& messages, const Json& tools) {
  Json told = Json::array();
  bool instructed = !tools.is_array() || tools.empty();
  for (const Json& message : messages) {
    const std::string role = message_text(message, "role");
    if (role == "system" && !instructed) {
      told.push_back(
          {{"role", "system"}, {"content", message_text(message, "content") + "\n\n" + instructions(tools)}});
      instructed = true;
    } else if (role == "tool") {
      told.push_back(
          {{"role", "user"}, {"content", "[TOOL_RESULT]" + message_text(message, "content") + "[END_TOOL_RESULT]"}});
    } else if (message.contains("tool_calls") && message.at("tool_calls").is_array()) {
      told.push_back(call_as_text(message));
    } else {
      told.push_back(message);
    }
  }
  if (!instructed) told.insert(told.begin(), Json{{"role", "system"}, {"content", instructions(tools)}});
  return told;
}

}  // namespace vivace
