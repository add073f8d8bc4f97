#include "cli/chat.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "chat/engine_vocabulary.h"
#include "chat/text_model.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/generate.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/live_levers.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/run_record.h"
#include "cli/sampling_options.h"
#include "cli/summary.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kPromptRows[] = {
    {.name = "system",
     .type = OptionType::kString,
     .default_text = "",
     .help = "System message that goes before the talk",
     .group = "Prompt"},
};

const OptionRow kOutputRows[] = {
    {.name = "quiet",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "No settings on standard error",
     .group = "Output"},
    {.name = "verbose",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Say why each setting was chosen, and the speed after each answer",
     .group = "Output"},
};

constexpr const char* kHelp =
    "/help         this list\n"
    "/system TEXT  set the system message (without TEXT: remove it) and begin anew\n"
    "/reset        forget what was said, keep the system message\n"
    "/set          the levers of the loaded model; /set NAME VALUE changes one (context-length, kv-type, batch-size,\n"
    "              parallel, threads, threads-prefill; auto leaves it to the planner) and keeps the conversation\n"
    "/stats        speed of the last answer and how full the context is\n"
    "/quit         end (also Ctrl-D)\n"
    "Ctrl-C stops an answer; at an empty prompt, twice, it ends the program.\n";

class Chat {
 public:
  Chat(Context& context, const Arguments& arguments, ModelSession& session, const Tokenizer& tokenizer,
       const ChatTemplate& chat_template, Request request)
      : console_(context.console),
        arguments_(arguments),
        recorder_(session, context),
        source_(*session.source),
        vocabulary_(tokenizer),
        engine_(std::make_unique<Engine>(source_, &vocabulary_)),
        conversation_(tokenizer, chat_template),
        request_(std::move(request)) {
    conversation_.set_system(arguments.text("system").value_or(""));
  }

  int talk(LineEditor& editor) {
    bool warned = false;  // Ctrl-C at the prompt: the second one ends
    std::string line;
    while (true) {
      switch (editor.read(console_.in_is_terminal() ? "> " : "", line)) {
        case LineEditor::Status::kEnd:
          if (console_.in_is_terminal()) console_.err("\n");
          return kExitOk;
        case LineEditor::Status::kInterrupted:
          clear_interrupt();
          if (warned || !console_.in_is_terminal()) return kExitCancelled;
          console_.err("press Ctrl-C once more, or Ctrl-D, to quit\n");
          warned = true;
          continue;
        case LineEditor::Status::kLine:
          warned = false;
      }
      if (line.empty()) continue;
      if (line[0] == '/' && !line.starts_with("//")) {
        if (!command(line)) return kExitOk;
        continue;
      }
      if (line[0] == '/') line.erase(0, 1);  // "//text" says "/text"
      answer(line);
      // Without a terminal nobody is there to go on after Ctrl-C.
      if (interrupted() && !console_.in_is_terminal()) return kExitCancelled;
      clear_interrupt();
    }
  }

 private:
  // False: quit.
  bool command(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "/quit" || name == "/exit") return false;
    if (name == "/help") {
      console_.err(kHelp);
    } else if (name == "/reset") {
      conversation_.reset();
      console_.err("forgotten\n");
    } else if (name == "/system") {
      conversation_.set_system(rest);
      conversation_.reset();
      console_.err(rest.empty() ? "system message removed\n" : "system message set; beginning anew\n");
    } else if (name == "/set") {
      set(rest);
    } else if (name == "/stats") {
      stats();
    } else {
      console_.err("there is no " + printable_text(name, 40) + "; see /help (// begins a message with a slash)\n");
    }
    return true;
  }

  // The conversation survives: its tokens are read again by the next turn.
  void set(const std::string& words) {
    const size_t space = words.find(' ');
    try {
      if (!words.empty()) {
        Wishes wishes = source_.wishes();
        set_live_lever(words.substr(0, space), space == std::string::npos ? "" : words.substr(space + 1), wishes);
        engine_.reset();
        source_.change(wishes);
      }
    } catch (const Error& error) {
      console_.err(console_.red("error:") + " " + error.what() + "\n");
      if (!error.hint().empty()) console_.err("hint: " + error.hint() + "\n");
    }
    if (!engine_) engine_ = std::make_unique<Engine>(source_, &vocabulary_);
    console_.err(live_levers_text(source_.plan()));
  }

  int32_t context_length() const { return source_.plan().context_length; }

  void stats() {
    if (!has_answer_) {
      console_.err("no answer yet\n");
      return;
    }
    const Usage& usage = last_.finished.usage;
    console_.err(answer_text(last_));
    console_.err("context " + std::to_string(usage.prompt_tokens + usage.generated_tokens) + " of " +
                 std::to_string(context_length()) + " tokens\n");
  }

  // Makes room for an answer by forgetting the oldest exchanges.
  std::vector<TokenId> fitting_tokens() {
    const int32_t reserve = std::max(1, std::min(context_length() / 4, 512));
    int forgotten = 0;
    std::vector<TokenId> tokens = conversation_.tokens();
    while (static_cast<int64_t>(tokens.size()) + reserve > context_length() && conversation_.forget_oldest()) {
      forgotten += 2;
      tokens = conversation_.tokens();
    }
    if (forgotten > 0) {
      console_.err("note: the context of " + std::to_string(context_length()) + " tokens is full; the oldest " +
                   std::to_string(forgotten) + " messages were forgotten\n");
    }
    return tokens;
  }

  void answer(const std::string& text) {
    conversation_.add("user", text);
    std::string said;
    try {
      Request request = request_;
      request.prompt = fitting_tokens();
      recorder_.begin();
      last_ = generate(*engine_, std::move(request), [&](const Event& event) { show(event, said); });
      has_answer_ = true;
      recorder_.keep(last_.finished);
    } catch (const Error& error) {
      conversation_.remove_last();
      if (!console_.in_is_terminal()) throw;
      console_.err(console_.red("error:") + " " + error.what() + "\n");
      return;
    }
    console_.out(said.ends_with('\n') ? "" : "\n");
    conversation_.add("assistant", said);
    const FinishReason reason = last_.finished.reason;
    const bool cut = reason == FinishReason::kContextLength || reason == FinishReason::kMaxTokens ||
                     reason == FinishReason::kCancelled;
    if (arguments_.flag("verbose")) {
      console_.err(console_.faint(answer_text(last_)));
    } else if (cut) {
      console_.err(console_.faint("(" + finish_text(last_.finished) + ")") + "\n");
    }
  }

  void show(const Event& event, std::string& said) {
    const auto* token = std::get_if<TokenEvent>(&event);
    const auto* finished = std::get_if<Finished>(&event);
    const std::string& text = token ? token->text : finished ? finished->text : empty_;
    if (text.empty()) return;
    said += text;
    console_.out(text);
  }

  Console& console_;
  const Arguments& arguments_;
  RunRecorder recorder_;
  ModelSource& source_;
  const EngineVocabulary vocabulary_;
  std::unique_ptr<Engine> engine_;
  Conversation conversation_;
  Request request_;
  TimedAnswer last_;
  bool has_answer_ = false;
  const std::string empty_;
};

int run_chat(const Arguments& arguments, Context& context) {
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  GgufFile file = open_model_file(path);
  const std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(file);
  const ChosenTemplate chosen = open_chat_template(file, *tokenizer, arguments.text("chat-template").value_or(""));
  if (!chosen.chat_template) {
    throw Error(
        ErrorCode::kUnsupported, "the model has no chat template",
        "name one with --chat-template (a file, or a name such as chatml), or complete texts with vivace run --raw");
  }
  ModelSession session = plan_session(std::move(file), path, arguments, context);
  if (!chosen.note.empty()) context.console.err("note: " + chosen.note + "\n");
  const Request request = read_request(arguments);
  const bool quiet = arguments.flag("quiet");
  if (!quiet) {
    context.console.err(settings_summary(context.console, session, request.sampling, arguments.flag("verbose")));
  }
  load_session(session, context);
  if (!quiet) context.console.err(load_summary(context.console, session));
  if (!quiet && context.console.in_is_terminal()) context.console.err("/help explains, Ctrl-D ends\n\n");
  Chat chat(context, arguments, session, *tokenizer, *chosen.chat_template, request);
  LineEditor editor(context.console, app_paths(context.environment).data / "chat_history");
  return chat.talk(editor);
}

}  // namespace

CommandRow chat_command_row() {
  return {.name = "chat",
          .group = "Use a model",
          .summary = "Talk with a model, with history and line editing",
          .description =
              "Lines come from the terminal, or one message a line from standard input. What was said stays in "
              "memory, so that each turn computes only what is new.",
          .positionals = {model_argument()},
          .options = {kPromptRows, template_options(), kOutputRows, sampling_options(), stop_options(), load_options()},
          .examples = {{"chat smollm2-135m-instruct", "the default model"},
                       {"chat ./model.gguf --system \"Answer in French.\"", "with a system message"}},
          .run = run_chat};
}

}  // namespace vivace
