// vivace get: a model from the hub.
#include <mutex>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/model_commands.h"
#include "cli/progress_bar.h"
#include "cli/text_format.h"
#include "net/model_hub.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "list",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Only list the model files of the repository",
     .group = "Download"},
    {.name = "connections",
     .type = OptionType::kInt,
     .default_text = "4",
     .min = 1,
     .max = 32,
     .help = "Parts that come at once",
     .group = "Download"},
};

int list_files(const std::vector<HubFile>& files, Context& context) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kRight});
  for (const HubFile& file : files) table.add({file.path, bytes_text(file.bytes)});
  context.console.out(table.text());
  return kExitOk;
}

int run_get(const Arguments& arguments, Context& context) {
  HubOptions hub;
  if (!context.environment.hub_endpoint.empty()) hub.endpoint = context.environment.hub_endpoint;
  hub.token = context.environment.hub_token;
  const HubName name = parse_hub_name(*arguments.positional("NAME"));
  const std::vector<HubFile> files = hub_files(hub, name.repository);
  if (arguments.flag("list")) return list_files(files, context);
  const std::filesystem::path folder = app_paths(context.environment).models;
  for (const HubFile& file : choose_hub_files(files, name)) {
    DownloadRequest request = hub_download(hub, name, file, folder);
    request.connections = static_cast<int>(arguments.integer("connections").value_or(4));
    ProgressBar bar(context.console, "fetching " + request.target.filename().string());
    try {
      std::mutex mutex;  // the bar is drawn by one thread at a time
      download_file(request, [&](uint64_t done, uint64_t total) {
        const std::lock_guard lock(mutex);
        bar.update(done, total);
        return !interrupted();
      });
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      throw Error(ErrorCode::kCancelled, "stopped", "the same command goes on from here");
    }
    context.console.out(request.target.string() + "\n");
  }
  return kExitOk;
}

}  // namespace

CommandRow get_command_row() {
  return {
      .name = "get",
      .group = "Models",
      .summary = "Fetch a model from the hub of Hugging Face into the models folder",
      .description =
          "Without a quantisation Q4_K_M is taken, or what comes near it. A download that broke off goes on where it "
          "was; the checksum is compared at the end. HF_TOKEN opens closed repositories, HF_ENDPOINT names another "
          "hub.",
      .positionals = {{"NAME", true, "OWNER/REPO, OWNER/REPO:Q8_0, OWNER/REPO/FILE.gguf or an address of the hub"}},
      .options = {kRows},
      .examples = {{"get bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M", "one quantisation"},
                   {"get bartowski/Qwen2.5-7B-Instruct-GGUF --list", "what there is"}},
      .run = run_get};
}

}  // namespace vivace
