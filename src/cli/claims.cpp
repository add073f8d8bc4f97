#include "cli/claims.h"

#include "base/json.h"
#include "catalog/claims.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON document"},
};

std::string claim_text(const Console& console, const Claim& claim, const ClaimResult& result, size_t width) {
  std::string text = console.bold(claim.name) + ": " + result.verdict + "\n";
  if (result.verdict != claim.verdict) text += "  THE RECORD SAYS: " + claim.verdict + "\n";
  text += "  " + wrapped_text("\u201C" + claim.quote + "\u201D", width - 2, 2) + "\n";
  text += "  " + wrapped_text(claim.physics, width - 2, 2) + "\n";
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft}, 4);
  for (const auto& [name, value] : result.figures) table.add({name, value});
  return text + table.text() + "\n";
}

int run_claims(const Arguments& arguments, Context& context) {
  Json document = Json::array();
  std::string text;
  bool as_recorded = true;
  for (const Claim& claim : claims()) {
    const ClaimResult result = check_claim(claim);
    as_recorded = as_recorded && result.verdict == claim.verdict;
    Json figures = Json::object();
    for (const auto& [name, value] : result.figures) figures[name] = value;
    document.push_back({{"name", claim.name},
                        {"quote", claim.quote},
                        {"verdict", result.verdict},
                        {"recorded_verdict", claim.verdict},
                        {"physics", claim.physics},
                        {"figures", figures}});
    text += claim_text(context.console, claim, result, size_t(std::max(60, context.console.width())));
  }
  context.console.out(arguments.flag("json") ? dump_json(document, 2) + "\n" : text);
  return as_recorded ? kExitOk : kExitFailure;
}

}  // namespace

CommandRow claims_command_row() {
  return {.name = "claims",
          .group = "Machine",
          .summary = "Check what is said about the speed of local models: each statement with its verdict and why",
          .description =
              "The statements are those of a page on the performance of LM Studio. Each is computed anew from the "
              "catalogues; a verdict that differs from the recorded one ends with exit code 1.",
          .positionals = {},
          .options = {kRows},
          .examples = {{"claims", "all of them"}, {"claims --json", "for programs"}},
          .run = run_claims};
}

}  // namespace vivace
