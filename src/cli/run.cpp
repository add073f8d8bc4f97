#include "cli/run.h"

#include "base/json.h"
#include "chat/text_model.h"
#include "cli/answerer.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/sampling_options.h"
#include "cli/standard_input.h"
#include "cli/summary.h"
#include "server/event_json.h"

namespace vivace {
namespace {

const OptionRow kPromptRows[] = {
    {.name = "system",
     .type = OptionType::kString,
     .default_text = "",
     .help = "System message that goes before the prompt",
     .group = "Prompt"},
    {.name = "raw",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Complete the prompt as it is, without the chat template",
     .group = "Prompt"},
};

const OptionRow kOutputRows[] = {
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object at the end instead of the text",
     .group = "Output"},
    {.name = "logprobs",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 0,
     .max = 100,
     .help = "With --json: each token's log-probability and those of the N most probable ones",
     .group = "Output"},
    {.name = "quiet",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "No settings and no speed on standard error",
     .group = "Output"},
    {.name = "verbose",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Also say why each setting was chosen",
     .group = "Output"},
};

std::string read_prompt(const Arguments& arguments, Context& context) {
  const std::string* given = arguments.positional("PROMPT");
  if (given != nullptr && *given != "-") return *given;
  if (given == nullptr && context.console.in_is_terminal()) {
    throw Error(ErrorCode::kInvalidArgument, "vivace run needs a PROMPT",
                "write one after the model, pipe one in, or talk with vivace chat");
  }
  std::string prompt = read_standard_input();
  if (prompt.ends_with('\n')) prompt.pop_back();  // the shell's, not the user's
  if (prompt.empty()) throw Error(ErrorCode::kInvalidArgument, "the prompt on standard input is empty");
  return prompt;
}

/// A prompt is a chat of one message, or with --raw a text to go on with.
Question read_question(const Arguments& arguments, Context& context) {
  Question question;
  question.request = read_request(arguments);
  question.request.sampling.logprobs = static_cast<int32_t>(arguments.integer("logprobs").value_or(-1));
  const std::string prompt = read_prompt(arguments, context);
  const std::string system = text_of(arguments, "system");
  if (arguments.flag("raw")) {
    question.text = system.empty() ? prompt : system + "\n\n" + prompt;
    return question;
  }
  question.messages = Json::array();
  if (!system.empty()) question.messages.push_back(chat_message("system", system));
  question.messages.push_back(chat_message("user", prompt));
  return question;
}

// Collects the answer; prints it as it comes unless JSON is wanted.
class AnswerSink {
 public:
  AnswerSink(Console& console, bool json) : console_(console), json_(json) {}

  void take(const Event& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) {
      if (json_) tokens_.push_back(*token);
      show(token->text);
    } else if (const auto* finished = std::get_if<Finished>(&event)) {
      show(finished->text);
      if (!json_ && !last_is_newline_) console_.out("\n");
    }
  }

  /// {"text", "ids"}, and "logprobs" where wanted.
  Json json(const Answerer& answerer, bool logprobs) const {
    Json ids = Json::array(), list = Json::array();
    for (const TokenEvent& token : tokens_) {
      ids.push_back(token.id);
      if (logprobs) list.push_back(logprobs_json(token, [&](TokenId id) { return answerer.piece(id); }));
    }
    Json result = {{"text", text_}, {"ids", std::move(ids)}};
    if (logprobs) result["logprobs"] = std::move(list);
    return result;
  }

 private:
  void show(const std::string& text) {
    if (text.empty()) return;
    last_is_newline_ = text.back() == '\n';
    if (json_) {
      text_ += text;
    } else {
      console_.out(text);
    }
  }

  Console& console_;
  const bool json_;
  bool last_is_newline_ = false;
  std::string text_;
  std::vector<TokenEvent> tokens_;
};

int run_run(const Arguments& arguments, Context& context) {
  Console& console = context.console;
  const bool json = arguments.flag("json");
  const bool quiet = arguments.flag("quiet");
  if (arguments.given("logprobs") && !json) {
    throw Error(ErrorCode::kInvalidArgument, "--logprobs needs --json",
                "log-probabilities are part of the JSON object");
  }
  const Question question = read_question(arguments, context);
  const SamplingOptions& sampling = question.request.sampling;
  const AnswererOptions options{.sampling = sampling, .first = &question, .needs_template = false};
  const std::unique_ptr<Answerer> answerer = open_answerer(arguments, context, options);
  if (!quiet) console.err("\n");

  AnswerSink sink(console, json);
  const TimedAnswer answer = answerer->answer(question, [&](const Event& event) { sink.take(event); });
  if (!quiet) console.err("\n" + console.faint(answer_text(answer)));
  if (answer.finished.reason == FinishReason::kContextLength) {
    console.err("note: the answer was cut off: prompt and answer fill the context of " +
                std::to_string(answerer->context_length()) + " tokens (see --context-length)\n");
  }
  if (json) {
    Json result = sink.json(*answerer, sampling.logprobs >= 0);
    result.update(answer_json(answer));
    result["seed"] = sampling.seed;
    result.update(answerer->settings_json());
    console.out(dump_json(result, 2) + "\n");
  }
  return answer.finished.reason == FinishReason::kCancelled ? kExitCancelled : kExitOk;
}

}  // namespace

CommandRow run_command_row() {
  return {
      .name = "run",
      .group = "Use a model",
      .summary = "Answer one prompt",
      .description =
          "The answer streams to standard output; settings and speed go to standard error. Without PROMPT, or "
          "with -, the prompt is read from standard input. Where a server is up that has the model, it answers: the "
          "model is then loaded once. Options about the load, or --server none, load it here.",
      .positionals = {model_argument(), {"PROMPT", false, "What to answer"}},
      .options = {kPromptRows, template_options(), sampling_options(), stop_options(), answerer_options(),
                  load_options(), kOutputRows},
      .examples = {{"run smollm2-135m-instruct \"Why is the sky blue?\"", "the default model, fetched when missing"},
                   {"run ./model.gguf --temperature 0 --max-tokens 100 < prompt.txt", "the same answer every time"},
                   {"run ./model.gguf --raw \"Once upon a time\"", "complete a text"},
                   {"run ./model.gguf \"List three colours\" --json --quiet", "for programs"}},
      .run = run_run};
}

}  // namespace vivace
