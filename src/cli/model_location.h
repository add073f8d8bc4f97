// From what a user calls a model to its file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "server/model_folders.h"

namespace vivace {

/// The model that is fetched when it is named and not there.
constexpr const char* kDefaultModel = "smollm2-135m-instruct";

/// Names (files without .gguf) in the models folder, sorted; of a split model its first part only.
std::vector<std::string> local_models(const std::filesystem::path& folder);

/// Every model on this machine, ours and other programs', and the other names of models.toml. Throws Error kInvalidFile
/// for a models.toml that is none.
std::vector<ModelEntry> known_models(const Environment& environment);

/// The file of MODEL: a path that exists, or a name in the models folder. The default model is fetched when it is
/// missing. Throws Error kNotFound with the names there are.
std::filesystem::path locate_model(const std::string& model, Context& context);

/// The same without fetching: nothing where there is no such file. Throws Error kInvalidArgument for a folder.
std::optional<std::filesystem::path> find_model_file(const std::string& model, const Context& context);

/// The row of the argument MODEL, for the commands' tables.
PositionalRow model_argument(bool required = true);

}  // namespace vivace
