// From the messages of a chat to the tokens of a prompt, whatever the model's template can and can't do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/text_model.h"

namespace vivace {

/// What goes where a chat is longer than the context.
enum class LeaveOut {
  kNothing,
  kMiddle,  // what follows the system message and the first message
  kOldest,  // what follows the system message
};

struct ChatPromptOptions {
  Json tools = nullptr;  // or an array
  Json extra = nullptr;  // variables of the template
  LeaveOut leave_out = LeaveOut::kNothing;
  int32_t most_tokens = 0;  // of the prompt, where something may be left out
};

struct ChatPrompt {
  std::vector<int32_t> tokens;
  int32_t left_out = 0;       // messages
  bool in_reasoning = false;  // the prompt ends inside the reasoning
};

/// The prompt's text. A template that knows no tools gets them as text; one that refuses a system message finds it in
/// the first message; a last message of the assistant is one to go on with. Throws as ChatTemplate::render.
std::string render_chat(const ChatParts& model, const Json& messages, const Json& tools, const Json& extra);

/// Forgets one message, and with it those that can't stand behind what is before them: results of its calls, and what
/// would break the turns of user and assistant that many templates insist on. False where only what must stay is left.
bool forget_one(Json& messages, LeaveOut leave_out);

/// Throws as render_chat(), and Error kUnsupported for a model without a chat template.
ChatPrompt make_chat_prompt(const ChatParts& model, const Json& messages, const ChatPromptOptions& options);

}  // namespace vivace
