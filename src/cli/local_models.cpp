// vivace ls and rm: the models on this machine.
#include "base/error.h"
#include "base/json.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/model_commands.h"
#include "cli/model_location.h"
#include "cli/text_format.h"
#include "server/api_error.h"
#include "server/model_details.h"
#include "server/model_folders.h"

namespace vivace {
namespace {

const OptionRow kListRows[] = {
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "One JSON array", .group = "Output"},
};

const OptionRow kRemoveRows[] = {
    {.name = "yes",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Remove it: without this only what would go is said",
     .group = "Output"},
};

int run_ls(const Arguments& arguments, Context& context) {
  ModelDetails details;
  Json list = Json::array();
  using Align = TextTable::Align;
  TextTable table({Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  table.add({"model", "parameters", "architecture", "quantisation", "size", "kept by"});
  const std::vector<ModelEntry> models = known_models(context.environment);
  for (const ModelEntry& entry : models) {
    const ModelDetail detail = details.of(entry);
    list.push_back({{"model", entry.key},
                    {"parameters", detail.parameters},
                    {"architecture", detail.architecture},
                    {"quantisation", detail.quantisation},
                    {"bytes", entry.bytes},
                    {"context_length", detail.context_length},
                    {"store", entry.store},
                    {"path", entry.path.string()},
                    {"readable", detail.readable}});
    table.add({entry.key, parameters_text(detail.parameters),
               detail.readable ? detail.architecture : "(not runnable here)", detail.quantisation,
               bytes_text(entry.bytes), entry.store});
  }
  if (arguments.flag("json")) {
    context.console.out(dump_json(list, 2) + "\n");
  } else if (models.empty()) {
    context.console.out("there are no models on this machine; vivace fetch gets the default one\n");
  } else {
    context.console.out(table.text());
  }
  return kExitOk;
}

int run_rm(const Arguments& arguments, Context& context) {
  const std::string name = *arguments.positional("MODEL");
  const auto entry = find_model(known_models(context.environment), name);
  if (!entry) throw Error(ErrorCode::kNotFound, "no model is called '" + name + "'", "vivace ls lists them");
  if (arguments.flag("yes")) {
    remove_model(*entry);
    context.console.out("removed " + entry->path.string() + "\n");
  } else {
    context.console.out("would remove " + entry->path.string() + " (" + bytes_text(entry->bytes) +
                        "); --yes does it\n");
  }
  return kExitOk;
}

}  // namespace

CommandRow ls_command_row() {
  return {.name = "ls",
          .group = "Models",
          .summary = "List the models on this machine, those of LM Studio, Ollama, llama.cpp and Hugging Face included",
          .description = "Their files are used where they lie. run, chat and serve take these names.",
          .positionals = {},
          .options = {kListRows},
          .examples = {{"ls", "a table"}, {"ls --json", "for programs"}},
          .run = run_ls};
}

CommandRow rm_command_row() {
  return {.name = "rm",
          .group = "Models",
          .summary = "Remove a model that Vivace keeps",
          .description = "Models that other programs keep are left to them.",
          .positionals = {{"MODEL", true, "A name that vivace ls lists"}},
          .options = {kRemoveRows},
          .examples = {{"rm gemma3-270m-it-q4_k_m --yes", "frees its space"}},
          .run = run_rm};
}

}  // namespace vivace
