#include "cli/model_location.h"

#include <algorithm>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/fetch_default_model.h"
#include "gguf/split.h"
#include "server/model_settings.h"

namespace vivace {
namespace {

constexpr std::string_view kSuffix = ".gguf";

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored);
}

Error not_found(const std::string& model, const std::filesystem::path& folder) {
  const std::vector<std::string> names = local_models(folder);
  std::string hint;
  if (names.empty()) {
    hint = "give the path of a .gguf file, or name " + std::string(kDefaultModel) + ", which is fetched when missing";
  } else {
    const std::string near = nearest_name(model, std::vector<std::string_view>(names.begin(), names.end()));
    if (!near.empty()) hint = "did you mean " + near + "? ";
    hint += "in the models folder:";
    for (size_t i = 0; i < std::min<size_t>(names.size(), 8); ++i) hint += (i == 0 ? " " : ", ") + names[i];
    if (names.size() > 8) hint += " and " + std::to_string(names.size() - 8) + " more";
  }
  return Error(ErrorCode::kNotFound, "no model file '" + model + "', and no such name in " + folder.string(), hint);
}

}  // namespace

std::vector<std::string> local_models(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    std::string name = entry.path().filename().string();
    if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix) || name.starts_with(".")) continue;
    name.resize(name.size() - kSuffix.size());
    if (parse_split_name(name).part == 1) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<ModelEntry> known_models(const Environment& environment) {
  const AppPaths paths = app_paths(environment);
  std::vector<ModelEntry> models = find_models(usual_model_folders(paths.models, environment.home));
  add_aliases(read_model_settings(paths.config / "models.toml"), models);
  return models;
}

std::optional<std::filesystem::path> find_model_file(const std::string& model, const Context& context) {
  if (is_file(model)) return model;
  std::error_code ignored;
  if (std::filesystem::is_directory(model, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, "'" + model + "' is a folder", "name the .gguf file in it");
  }
  const std::filesystem::path folder = app_paths(context.environment).models;
  if (model.find('/') == std::string::npos) {
    for (const std::string& name : {model + std::string(kSuffix), model}) {
      if (is_file(folder / name)) return folder / name;
    }
  }
  // What vivace get has fetched, and what other programs keep.
  const auto entry = find_model(known_models(context.environment), model);
  return entry ? std::optional(entry->path) : std::nullopt;
}

std::filesystem::path locate_model(const std::string& model, Context& context) {
  if (auto path = find_model_file(model, context)) return *path;
  const std::filesystem::path folder = app_paths(context.environment).models;
  if (model == kDefaultModel) return fetch_default_model(folder, context);
  throw not_found(model, folder);
}

PositionalRow model_argument(bool required) {
  return {"MODEL", required, "Path of a .gguf file, or the name of a model in the models folder"};
}

}  // namespace vivace
