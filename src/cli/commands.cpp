#include "cli/commands.h"

#include <vector>

#include "cli/arguments.h"
#include "cli/bench.h"
#include "cli/catalog.h"
#include "cli/chat.h"
#include "cli/claims.h"
#include "cli/fetch.h"
#include "cli/hardware.h"
#include "cli/help_command.h"
#include "cli/inspect.h"
#include "cli/model_commands.h"
#include "cli/plan.h"
#include "cli/render.h"
#include "cli/run.h"
#include "cli/score.h"
#include "cli/serve.h"
#include "cli/tokenize.h"
#include "cli/tune.h"
#include "cli/version.h"
#include "cli/why.h"

namespace vivace {

std::span<const CommandRow> commands() {
  static const std::vector<CommandRow> kRows = {
      run_command_row(),      chat_command_row(),     serve_command_row(),  ps_command_row(),
      load_command_row(),     unload_command_row(),   plan_command_row(),   ls_command_row(),
      get_command_row(),      fetch_command_row(),    rm_command_row(),     inspect_command_row(),
      hardware_command_row(), catalog_command_row(),  claims_command_row(), bench_command_row(),
      tune_command_row(),     profiles_command_row(), why_command_row(),    score_command_row(),
      tokenize_command_row(), render_command_row(),   help_command_row(),   version_command_row(),
  };
  return kRows;
}

const CommandRow* find_command(std::string_view name) {
  for (const CommandRow& row : commands()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Error unknown_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const CommandRow& row : commands()) names.push_back(row.name);
  const std::string near = nearest_name(name, names);
  return Error(ErrorCode::kInvalidArgument, "there is no command '" + name + "'",
               near.empty() ? "see vivace --help" : "did you mean vivace " + near + "?");
}

}  // namespace vivace
