#include "cli/chat.h"

#include <memory>

#include "base/error.h"
#include "chat/text_model.h"
#include "cli/answerer.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/sampling_options.h"
#include "cli/text_format.h"

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
  Chat(Context& context, const Arguments& arguments, Answerer& answerer, Request request)
      : console_(context.console), arguments_(arguments), answerer_(answerer) {
    question_.request = std::move(request);
    begin_anew(text_of(arguments, "system"));
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
      begin_anew(has_system() ? messages()[0].at("content").get<std::string>() : "");
      console_.err("forgotten\n");
    } else if (name == "/system") {
      begin_anew(rest);
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

  Json& messages() { return question_.messages; }
  bool has_system() { return !messages().empty() && messages()[0].at("role") == "system"; }

  void begin_anew(const std::string& system) {
    messages() = Json::array();
    if (!system.empty()) messages().push_back(chat_message("system", system));
  }

  // The conversation survives: its tokens are read again by the next turn.
  void set(const std::string& words) {
    const size_t space = words.find(' ');
    try {
      const std::string value = space == std::string::npos ? "" : words.substr(space + 1);
      console_.err(answerer_.set_lever(words.substr(0, space), value));
    } catch (const Error& error) {
      show_error(error);
    }
  }

  void show_error(const Error& error) {
    console_.err(console_.red("error:") + " " + error.what() + "\n");
    if (!error.hint().empty()) console_.err("hint: " + error.hint() + "\n");
  }

  void stats() {
    if (!has_answer_) {
      console_.err("no answer yet\n");
      return;
    }
    const Usage& usage = last_.finished.usage;
    console_.err(answer_text(last_));
    console_.err("context " + std::to_string(usage.prompt_tokens + usage.generated_tokens) + " of " +
                 std::to_string(answerer_.context_length()) + " tokens\n");
  }

  // What an answer had no room for is gone for the next ones, too.
  void forget_oldest(int32_t count) {
    if (count == 0) return;
    const auto begin = messages().begin() + (has_system() ? 1 : 0);
    messages().erase(begin, begin + count);
    console_.err("note: the context of " + std::to_string(answerer_.context_length()) + " tokens is full; the oldest " +
                 std::to_string(count) + " messages were forgotten\n");
  }

  void answer(const std::string& text) {
    messages().push_back(chat_message("user", text));
    std::string said;
    try {
      last_ = answerer_.answer(question_, [&](const Event& event) { show(event, said); });
      has_answer_ = true;
    } catch (const Error& error) {
      messages().erase(messages().size() - 1);
      if (!console_.in_is_terminal()) throw;
      show_error(error);
      return;
    }
    console_.out(said.ends_with('\n') ? "" : "\n");
    forget_oldest(last_.messages_left_out);
    messages().push_back(chat_message("assistant", said));
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
  Answerer& answerer_;
  Question question_;  // the whole talk so far
  TimedAnswer last_;
  bool has_answer_ = false;
  const std::string empty_;
};

int run_chat(const Arguments& arguments, Context& context) {
  const Request request = read_request(arguments);
  const std::unique_ptr<Answerer> answerer = open_answerer(arguments, context, {.sampling = request.sampling});
  if (!arguments.flag("quiet") && context.console.in_is_terminal()) {
    context.console.err("/help explains, Ctrl-D ends\n\n");
  }
  Chat chat(context, arguments, *answerer, request);
  LineEditor editor(context.console, app_paths(context.environment).data / "chat_history");
  return chat.talk(editor);
}

}  // namespace

CommandRow chat_command_row() {
  return {
      .name = "chat",
      .group = "Use a model",
      .summary = "Talk with a model, with history and line editing",
      .description =
          "Lines come from the terminal, or one message a line from standard input. What was said stays in "
          "memory, so that each turn computes only what is new. Where a server is up that has the model, it answers; "
          "options about the load, or --server none, load it here.",
      .positionals = {model_argument()},
      .options = {kPromptRows, template_options(), kOutputRows, sampling_options(), stop_options(), answerer_options(),
                  load_options()},
      .examples = {{"chat smollm2-135m-instruct", "the default model"},
                   {"chat ./model.gguf --system \"Answer in French.\"", "with a system message"}},
      .run = run_chat};
}

}  // namespace vivace
