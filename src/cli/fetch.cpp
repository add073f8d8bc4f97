#include "cli/fetch.h"

#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/fetch_default_model.h"
#include "cli/model_location.h"

namespace vivace {
namespace {

int run_fetch(const Arguments& arguments, Context& context) {
  const std::string* name = arguments.positional("NAME");
  const std::filesystem::path folder = app_paths(context.environment).models;
  const std::filesystem::path file = fetch_model(name == nullptr ? kDefaultModel : *name, folder, context);
  context.console.out(file.string() + "\n");
  return kExitOk;
}

}  // namespace

CommandRow fetch_command_row() {
  return {.name = "fetch",
          .group = "Models",
          .summary = "Fetch a known model into the models folder and check its sum",
          .description = "Prints the path of the file. A model that is there and right is kept, without a network.",
          .positionals = {{"NAME", false, "smollm2-135m-instruct (default, Apache-2.0) or gemma3-270m-it-q4_k_m"}},
          .options = {},
          .examples = {{"fetch", "the default model"}},
          .run = run_fetch};
}

}  // namespace vivace
