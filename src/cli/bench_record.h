// Results of benchmarks: kept, compared, printed as tables of other kinds.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/command.h"
#include "cli/model_session.h"

namespace vivace {

/// Keeps a result in the history of this model, machine and settings, and says on standard error what fell below the
/// best of it. True where something did. A store that can't be used is no reason to fail: standard error says so.
bool keep_benchmark(const ModelSession& session, const Json& result, Context& context);

/// Two files of `vivace bench --json` side by side.
std::string comparison_text(const std::filesystem::path& before, const std::filesystem::path& after);

/// Rows, the first of them the heads, as Markdown or comma-separated values.
std::string markdown_text(const std::vector<std::vector<std::string>>& rows);
std::string csv_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace vivace
