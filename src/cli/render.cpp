#include "cli/render.h"

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "chat/text_model.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/model_location.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "messages",
     .type = OptionType::kString,
     .default_text = "",
     .help = "JSON file: an object with messages, tools, add_generation_prompt, extra, bos_token, eos_token; or the "
             "array of messages alone"},
    {.name = "template",
     .type = OptionType::kString,
     .default_text = "",
     .help = "File with a Jinja chat template, instead of the model's"},
    {.name = "now",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Time that the template sees, such as 2025-07-04T09:08:07; else the local time"},
};

struct RenderInput {
  Json messages;
  Json tools;
  Json extra;
  bool add_generation_prompt = true;
  std::optional<std::string> bos, eos;
};

std::optional<std::string> text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

RenderInput read_input(const std::string& path) {
  RenderInput input;
  Json object = parse_json(read_text_file(path));
  if (object.is_array()) object = Json{{"messages", object}};
  if (!object.is_object() || !object.contains("messages")) {
    throw Error(ErrorCode::kInvalidArgument, path + ": no \"messages\"");
  }
  input.messages = object["messages"];
  if (object.contains("tools")) input.tools = object["tools"];
  if (object.contains("extra")) input.extra = object["extra"];
  const auto generation = object.find("add_generation_prompt");
  if (generation != object.end() && generation->is_boolean()) input.add_generation_prompt = generation->get<bool>();
  input.bos = text_member(object, "bos_token");
  input.eos = text_member(object, "eos_token");
  return input;
}

// The special tokens of the messages' file win over the model's.
ChatTemplate make_template(const Arguments& arguments, Context& context, const RenderInput& input) {
  const auto template_path = arguments.text("template");
  const std::string* model = arguments.positional("MODEL");
  if (!template_path && model == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "vivace render needs a MODEL or --template FILE");
  }
  if (model == nullptr) {
    return ChatTemplate(read_text_file(*template_path), input.bos.value_or(""), input.eos.value_or(""));
  }
  const GgufFile file = open_model_file(locate_model(*model, context));
  const std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(file);
  const ChosenTemplate chosen = open_chat_template(file, *tokenizer, template_path.value_or(""));
  if (!chosen.chat_template) {
    throw Error(ErrorCode::kNotFound, "the model has no chat template", "name one with --template FILE.jinja");
  }
  if (!chosen.note.empty()) context.console.err("note: " + chosen.note + "\n");
  const auto text_of = [&](int32_t id) { return id < 0 ? "" : std::string(tokenizer->token_text(id)); };
  return ChatTemplate(chosen.chat_template->source(), input.bos.value_or(text_of(tokenizer->bos())),
                      input.eos.value_or(text_of(tokenizer->eos())));
}

int run_render(const Arguments& arguments, Context& context) {
  const auto messages_path = arguments.text("messages");
  if (!messages_path) throw Error(ErrorCode::kInvalidArgument, "vivace render needs --messages FILE");
  const RenderInput input = read_input(*messages_path);
  const ChatTemplate chat_template = make_template(arguments, context, input);
  context.console.out(refusal_is_failure([&] {
    return chat_template.render(input.messages, input.tools, input.add_generation_prompt, input.extra,
                                arguments.text("now"));
  }));
  return kExitOk;
}

}  // namespace

CommandRow render_command_row() {
  return {.name = "render",
          .group = "Models",
          .summary = "Print the prompt that a chat template makes from messages, and nothing else",
          .description = "",
          .positionals = {model_argument(false)},
          .options = {kRows},
          .examples = {{"render ./model.gguf --messages chat.json", "the model's own template"},
                       {"render --template chatml.jinja --messages chat.json", "a template from a file"}},
          .run = run_render};
}

}  // namespace vivace
