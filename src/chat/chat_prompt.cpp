#include "chat/chat_prompt.h"

#include <algorithm>

#include "base/error.h"
#include "chat/tool_prompt.h"

namespace vivace {
namespace {

bool is_system(const Json& message) { return message_text(message, "role") == "system"; }

bool mentions_tools(const Json& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const Json& message) {
    return message_text(message, "role") == "tool" || message.contains("tool_calls");
  });
}

/// The system message's text before the first message's.
Json without_system(const Json& messages) {
  std::string system;
  Json rest = Json::array();
  for (const Json& message : messages) {
    if (is_system(message)) {
      system += message_text(message, "content") + "\n\n";
      continue;
    }
    rest.push_back(message);
    if (rest.size() == 1) rest[0]["content"] = system + message_text(message, "content");
  }
  return rest;
}

/// `rendered` up to the end of the last message's text: the model goes on there.
std::string cut_behind(std::string rendered, const std::string& text) {
  std::string wanted = text;
  while (!wanted.empty() && (wanted.back() == ' ' || wanted.back() == '\n')) wanted.pop_back();
  const size_t at = wanted.empty() ? std::string::npos : rendered.rfind(wanted);
  if (at != std::string::npos) rendered.resize(at + wanted.size());
  return rendered;
}

std::string render_once(const ChatTemplate& chat_template, const Json& messages, const Json& tools, const Json& extra) {
  const bool goes_on = !messages.empty() && message_text(messages.back(), "role") == "assistant" &&
                       !messages.back().contains("tool_calls");
  std::string text = chat_template.render(messages, tools, !goes_on, extra);
  return goes_on ? cut_behind(std::move(text), message_text(messages.back(), "content")) : text;
}

bool ends_in_reasoning(const AnswerFormat& format, std::string_view prompt) {
  if (format.reasoning_begin.empty()) return false;
  const size_t end = prompt.find_last_not_of(" \n");
  return end != std::string_view::npos && prompt.substr(0, end + 1).ends_with(format.reasoning_begin);
}

ChatPrompt whole_prompt(const ChatParts& model, const Json& messages, const ChatPromptOptions& options) {
  const std::string text = render_chat(model, messages, options.tools, options.extra);
  ChatPrompt prompt;
  // The template writes the special tokens, BOS included: nothing is added.
  prompt.tokens = model.tokenizer->encode(text, {.add_special = false, .parse_special = true});
  prompt.in_reasoning = ends_in_reasoning(model.answer_format, text);
  return prompt;
}

}  // namespace

std::string render_chat(const ChatParts& model, const Json& messages, const Json& tools, const Json& extra) {
  const ChatTemplate* chat_template = model.chosen.chat_template.get();
  if (chat_template == nullptr) {
    throw Error(ErrorCode::kUnsupported, "the model has no chat template", "complete a text instead (/v1/completions)");
  }
  const bool knows_tools = chat_template->source().find("tool") != std::string::npos;
  const bool wants_tools = (tools.is_array() && !tools.empty()) || mentions_tools(messages);
  const bool as_text = wants_tools && !knows_tools;
  const Json told = as_text ? with_tools_as_text(messages, tools) : messages;
  const Json given = as_text ? Json(nullptr) : tools;
  try {
    return render_once(*chat_template, told, given, extra);
  } catch (const Error& error) {
    const bool has_system = std::any_of(told.begin(), told.end(), is_system);
    if (error.code() != ErrorCode::kInvalidArgument || !has_system || told.size() < 2) throw;
    try {
      return render_once(*chat_template, without_system(told), given, extra);
    } catch (const Error&) {
      throw error;  // it was something else
    }
  }
}

bool forget_one(Json& messages, LeaveOut leave_out) {
  size_t at = 0;
  while (at < messages.size() && is_system(messages[at])) ++at;
  if (leave_out == LeaveOut::kMiddle) ++at;
  if (at + 1 >= messages.size()) return false;
  const bool first = at == 0 || is_system(messages[at - 1]);
  const std::string before = first ? "assistant" : message_text(messages[at - 1], "role");
  const bool alternates = message_text(messages[at], "role") != before;
  const auto fits = [&] {
    const std::string role = message_text(messages[at], "role");
    return role != "tool" && !(alternates && role == before);
  };
  do {
    messages.erase(at);
  } while (at + 1 < messages.size() && !fits());
  return true;
}

ChatPrompt make_chat_prompt(const ChatParts& model, const Json& messages, const ChatPromptOptions& options) {
  ChatPrompt prompt = whole_prompt(model, messages, options);
  const auto fits = [&] { return options.most_tokens <= 0 || int32_t(prompt.tokens.size()) <= options.most_tokens; };
  if (options.leave_out == LeaveOut::kNothing || fits()) return prompt;
  // The fewest steps after which it fits, found by halving: each try renders and encodes a whole chat.
  const auto after = [&](int steps) {
    Json kept = messages;
    while (steps-- > 0) forget_one(kept, options.leave_out);
    return kept;
  };
  int least = 1, most = 0;
  for (Json kept = messages; forget_one(kept, options.leave_out);) ++most;
  while (least < most) {
    const int middle = least + (most - least) / 2;
    prompt = whole_prompt(model, after(middle), options);
    if (fits()) {
      most = middle;
    } else {
      least = middle + 1;
    }
  }
  const Json kept = after(most);
  prompt = whole_prompt(model, kept, options);
  prompt.left_out = int32_t(messages.size() - kept.size());
  return prompt;
}

}  // namespace vivace
