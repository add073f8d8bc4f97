#include "cli/answerer.h"

#include <algorithm>

#include "base/utf8.h"
#include "chat/text_model.h"
#include "cli/load_options.h"
#include "cli/local_answerer.h"
#include "cli/server_answerer.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "server",
     .type = OptionType::kString,
     .default_text = "auto",
     .help = "Address of the server that answers; auto: the one that is up, if it has the model; none: load it here",
     .environment = "VIVACE_SERVER",
     .group = "Server"},
};

bool any_given(const Arguments& arguments, std::span<const OptionRow> rows) {
  return std::any_of(rows.begin(), rows.end(), [&](const OptionRow& row) { return arguments.given(row.name); });
}

}  // namespace

std::span<const OptionRow> answerer_options() { return kRows; }

Json chat_message(const std::string& role, const std::string& text) {
  return {{"role", role}, {"content", replace_invalid_utf8(text)}};
}

std::unique_ptr<Answerer> open_answerer(const Arguments& arguments, Context& context, const AnswererOptions& options) {
  // How a model is loaded is the server's business: who has wishes gets a load of their own.
  const bool has_wishes = any_given(arguments, load_options()) || any_given(arguments, template_options());
  const std::string server = text_of(arguments, "server");  // "": auto
  if (has_wishes && !server.empty() && server != "none") {
    throw Error(ErrorCode::kInvalidArgument, "--server does not go with options about the load of the model",
                "leave them out, or load it with them on the server: vivace load");
  }
  if (!has_wishes) {
    if (auto answerer = find_server_answerer(arguments, context, options)) return answerer;
  }
  return open_local_answerer(arguments, context, options);
}

}  // namespace vivace
