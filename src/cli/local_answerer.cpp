#include "cli/local_answerer.h"

#include <algorithm>

#include "advise/plan_json.h"
#include "chat/chat_prompt.h"
#include "cli/console.h"
#include "cli/live_levers.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/run_record.h"
#include "cli/sampling_options.h"
#include "cli/summary.h"
#include "models/model_file.h"

namespace vivace {
namespace {

/// Room that a chat leaves for its answer, in tokens.
int32_t answer_room(int32_t context) { return std::max(1, std::min(context / 4, 512)); }

/// All of a chat as one text, for a model that knows no chats.
std::string joined_text(const Json& messages) {
  std::string text;
  for (const Json& message : messages) {
    if (!text.empty()) text += "\n\n";
    text += message.at("content").get<std::string>();
  }
  return text;
}

/// `most_tokens` of the prompt of a chat; 0: however many.
ChatPrompt make_prompt(const ChatParts& model, const Question& question, int32_t most_tokens) {
  const bool is_chat = !question.messages.is_null();
  if (is_chat && model.chosen.chat_template) {
    const ChatPromptOptions options{.leave_out = LeaveOut::kOldest, .most_tokens = most_tokens};
    return refusal_is_failure([&] { return make_chat_prompt(model, question.messages, options); });
  }
  const std::string text = is_chat ? joined_text(question.messages) : question.text;
  ChatPrompt prompt;
  prompt.tokens = model.tokenizer->encode(text, {.add_special = true, .parse_special = true});
  return prompt;
}

/// An automatic context grows with a long prompt, as far as the model was trained.
void widen_context(const ModelCard& card, Wishes& wishes, size_t prompt_tokens, int32_t max_tokens) {
  constexpr int64_t kUsual = 4096, kAnswer = 1024, kStep = 256;
  if (wishes.context_length) return;
  const int64_t answer = max_tokens >= 0 ? max_tokens : kAnswer;
  const int64_t needed = (static_cast<int64_t>(prompt_tokens) + answer + kStep - 1) / kStep * kStep;
  if (needed <= kUsual) return;
  wishes.context_length = static_cast<int32_t>(std::max(std::min<int64_t>(needed, card.context_length), kUsual));
  if (card.context_length < kUsual) wishes.context_length = std::nullopt;
}

class LocalAnswerer : public Answerer {
 public:
  LocalAnswerer(ChatParts chat, ModelSession session, Context& context)
      : chat_(std::move(chat)), session_(std::move(session)), recorder_(session_, context) {}

  TimedAnswer answer(const Question& question, const std::function<void(const Event&)>& on_event) override {
    ChatPrompt prompt = make_prompt(chat_, question, context_length() - answer_room(context_length()));
    Request request = question.request;
    request.prompt = std::move(prompt.tokens);
    if (!engine_) engine_ = std::make_unique<Engine>(*session_.source, chat_.vocabulary.get());
    recorder_.begin();
    TimedAnswer answer = generate(*engine_, std::move(request), on_event);
    answer.messages_left_out = prompt.left_out;
    recorder_.keep(answer.finished);
    return answer;
  }

  std::string piece(TokenId id) const override { return chat_.tokenizer->piece(id, true); }
  int32_t context_length() const override { return session_.plan().context_length; }

  Json settings_json() const override {
    return {{"load_seconds", session_.source->model().load_seconds},
            {"settings", plan_json(session_.plan(), session_.source->devices())}};
  }

  /// The next answer reads its prompt again: the engine is a new one.
  std::string set_lever(const std::string& name, const std::string& value) override {
    ModelSource& source = *session_.source;
    if (!name.empty()) {
      Wishes wishes = source.wishes();
      set_live_lever(name, value, wishes);
      engine_.reset();
      source.change(wishes);
    }
    return live_levers_text(source.plan());
  }

 private:
  ChatParts chat_;
  ModelSession session_;
  RunRecorder recorder_;
  std::unique_ptr<Engine> engine_;  // made when it is needed
};

void tell_template(const ChatParts& chat, Context& context, const AnswererOptions& options) {
  std::string note = chat.chosen.note;
  if (!chat.chosen.chat_template) {
    if (options.needs_template) {
      throw Error(
          ErrorCode::kUnsupported, "the model has no chat template",
          "name one with --chat-template (a file, or a name such as chatml), or complete texts with vivace run --raw");
    }
    const bool is_chat = options.first != nullptr && !options.first->messages.is_null();
    if (is_chat) note = "the model has no chat template; it completes the prompt as it is, as with --raw";
  }
  if (!note.empty()) context.console.err("note: " + note + "\n");
}

}  // namespace

std::unique_ptr<Answerer> open_local_answerer(const Arguments& arguments, Context& context,
                                              const AnswererOptions& options) {
  Console& console = context.console;
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  GgufFile file = open_model_file(path);
  ChatParts chat = open_chat_parts(file, text_of(arguments, "chat-template"));
  tell_template(chat, context, options);
  const Question* first = options.first;
  const size_t prompt_tokens = first != nullptr ? make_prompt(chat, *first, 0).tokens.size() : 0;
  const auto adjust = [&](const ModelCard& card, Wishes& wishes) {
    if (first != nullptr) widen_context(card, wishes, prompt_tokens, first->request.max_tokens);
  };
  ModelSession session = plan_session(std::move(file), path, arguments, context, adjust);
  const bool quiet = arguments.flag("quiet");
  if (!quiet) console.err(settings_summary(console, session, options.sampling, arguments.flag("verbose")));
  load_session(session, context);
  if (!quiet) console.err(load_summary(console, session));
  return std::make_unique<LocalAnswerer>(std::move(chat), std::move(session), context);
}

}  // namespace vivace
