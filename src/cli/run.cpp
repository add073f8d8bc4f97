#include "cli/run.h"

#include <algorithm>

#include "advise/plan_json.h"
#include "base/json.h"
#include "chat/engine_vocabulary.h"
#include "chat/text_model.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/generate.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/plan_report.h"
#include "cli/run_record.h"
#include "cli/sampling_options.h"
#include "cli/standard_input.h"
#include "cli/summary.h"
#include "cli/text_format.h"
#include "models/model_file.h"

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

std::vector<TokenId> prompt_tokens(const Arguments& arguments, Context& context, const GgufFile& file,
                                   const Tokenizer& tokenizer, const std::string& prompt) {
  std::unique_ptr<ChatTemplate> chat_template;
  if (!arguments.flag("raw")) {
    ChosenTemplate chosen = open_chat_template(file, tokenizer, arguments.text("chat-template").value_or(""));
    chat_template = std::move(chosen.chat_template);
    if (!chat_template) chosen.note = "the model has no chat template; it completes the prompt as it is, as with --raw";
    if (!chosen.note.empty()) context.console.err("note: " + chosen.note + "\n");
  }
  if (chat_template) {
    Conversation conversation(tokenizer, *chat_template);
    conversation.set_system(arguments.text("system").value_or(""));
    conversation.add("user", prompt);
    return conversation.tokens();
  }
  const std::string system = arguments.text("system").value_or("");
  return tokenizer.encode(system.empty() ? prompt : system + "\n\n" + prompt,
                          {.add_special = true, .parse_special = true});
}

Json logprob_json(const Tokenizer& tokenizer, TokenId id, float logprob) {
  return {{"id", id}, {"text", tokenizer.piece(id, true)}, {"logprob", logprob}};
}

// Collects the answer; prints it as it comes unless JSON is wanted.
class AnswerSink {
 public:
  AnswerSink(Console& console, const Tokenizer& tokenizer, bool json, bool logprobs)
      : console_(console), tokenizer_(tokenizer), json_(json), logprobs_(logprobs) {}

  void take(const Event& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) {
      if (json_) ids_.push_back(token->id);
      if (json_ && logprobs_) add_logprobs(*token);
      show(token->text);
    } else if (const auto* finished = std::get_if<Finished>(&event)) {
      show(finished->text);
      if (!json_ && !last_is_newline_) console_.out("\n");
    }
  }

  Json json() const {
    Json result = {{"text", text_}, {"ids", ids_}};
    if (logprobs_) result["logprobs"] = list_;
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

  void add_logprobs(const TokenEvent& token) {
    Json entry = logprob_json(tokenizer_, token.id, token.logprob);
    entry["top"] = Json::array();
    for (const TokenLogprob& other : token.top)
      entry["top"].push_back(logprob_json(tokenizer_, other.id, other.logprob));
    list_.push_back(std::move(entry));
  }

  Console& console_;
  const Tokenizer& tokenizer_;
  bool json_;
  bool logprobs_;
  bool last_is_newline_ = false;
  std::string text_;
  std::vector<TokenId> ids_;
  Json list_ = Json::array();
};

// An automatic context grows with a long prompt, as far as the model was trained.
void widen_context(const ModelCard& card, Wishes& wishes, const Request& request) {
  constexpr int64_t kUsual = 4096, kAnswer = 1024, kStep = 256;
  if (wishes.context_length) return;
  const int64_t answer = request.max_tokens >= 0 ? request.max_tokens : kAnswer;
  const int64_t needed = (static_cast<int64_t>(request.prompt.size()) + answer + kStep - 1) / kStep * kStep;
  if (needed <= kUsual) return;
  wishes.context_length = static_cast<int32_t>(std::max(std::min<int64_t>(needed, card.context_length), kUsual));
  if (card.context_length < kUsual) wishes.context_length = std::nullopt;
}

int run_run(const Arguments& arguments, Context& context) {
  Console& console = context.console;
  const bool json = arguments.flag("json");
  const bool quiet = arguments.flag("quiet");
  if (arguments.given("logprobs") && !json) {
    throw Error(ErrorCode::kInvalidArgument, "--logprobs needs --json",
                "log-probabilities are part of the JSON object");
  }
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  const std::string prompt = read_prompt(arguments, context);
  GgufFile file = open_model_file(path);
  const std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(file);
  Request request = read_request(arguments);
  request.sampling.logprobs = static_cast<int32_t>(arguments.integer("logprobs").value_or(-1));
  request.prompt = prompt_tokens(arguments, context, file, *tokenizer, prompt);
  ModelSession session =
      plan_session(std::move(file), path, arguments, context,
                   [&](const ModelCard& card, Wishes& wishes) { widen_context(card, wishes, request); });
  const SamplingOptions sampling = request.sampling;
  if (!quiet) console.err(settings_summary(console, session, sampling, arguments.flag("verbose")));
  load_session(session, context);
  const EngineVocabulary vocabulary(*tokenizer);
  Engine engine(*session.source, &vocabulary);
  if (!quiet) console.err(load_summary(console, session) + "\n");

  AnswerSink sink(console, *tokenizer, json, sampling.logprobs >= 0);
  RunRecorder recorder(session, context);
  recorder.begin();
  const TimedAnswer answer = generate(engine, std::move(request), [&](const Event& event) { sink.take(event); });
  if (!quiet) console.err("\n" + console.faint(answer_text(answer)));
  recorder.keep(answer.finished);
  if (answer.finished.reason == FinishReason::kContextLength) {
    console.err("note: the answer was cut off: prompt and answer fill the context of " +
                std::to_string(session.plan().context_length) + " tokens (see --context-length)\n");
  }
  if (json) {
    Json result = sink.json();
    result.update(answer_json(answer));
    result["seed"] = sampling.seed;
    result["load_seconds"] = session.source->model().load_seconds;
    result["settings"] = plan_json(session.plan(), session.source->devices());
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
          "with -, the prompt is read from standard input.",
      .positionals = {model_argument(), {"PROMPT", false, "What to answer"}},
      .options = {kPromptRows, template_options(), sampling_options(), stop_options(), load_options(), kOutputRows},
      .examples = {{"run smollm2-135m-instruct \"Why is the sky blue?\"", "the default model, fetched when missing"},
                   {"run ./model.gguf --temperature 0 --max-tokens 100 < prompt.txt", "the same answer every time"},
                   {"run ./model.gguf --raw \"Once upon a time\"", "complete a text"},
                   {"run ./model.gguf \"List three colours\" --json --quiet", "for programs"}},
      .run = run_run};
}

}  // namespace vivace
