// What the user has settled for models, once for all requests: other names for them, and settings of the load.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/load_wish.h"
#include "server/model_folders.h"

namespace vivace {

struct ModelSetting {
  std::string name;   // what requests call it
  std::string model;  // the model that this is another name for; "": the one of this name
  LoadWish load;      // what a request may still say otherwise
};

/// The [[model]] tables of a TOML file, as docs/server.md shows them; none where there is no such file. Throws Error
/// kInvalidFile that names file, table and field.
std::vector<ModelSetting> read_model_settings(const std::filesystem::path& file);

/// Adds an entry for each other name of a model that is there.
void add_aliases(const std::vector<ModelSetting>& settings, std::vector<ModelEntry>& models);

}  // namespace vivace
