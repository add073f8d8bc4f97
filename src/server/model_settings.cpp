#include "server/model_settings.h"

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "catalog/toml_text.h"

namespace vivace {
namespace {

constexpr size_t kMostBytes = 1 << 20;

std::optional<int32_t> positive(const CatalogRow& row, const char* field, const std::string& origin) {
  const int32_t number = row.whole(field, 0);
  if (number < 0) throw Error(ErrorCode::kInvalidFile, origin + ": " + field + " must be above 0");
  return number == 0 ? std::nullopt : std::optional(number);
}

std::optional<LayerCount> layer_count(const CatalogRow& row, const char* field, const std::string& origin) {
  const std::string text = row.text(field, "");
  if (text.empty()) return std::nullopt;
  try {
    return parse_layer_count(text, field);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidFile, origin + ": " + error.what(), error.hint());
  }
}

ModelSetting read_setting(const Json& table, const std::string& origin) {
  const CatalogRow row(table, origin);
  ModelSetting setting;
  setting.name = row.text("name");
  setting.model = row.text("model", "");
  LoadWish& load = setting.load;
  load.context_length = positive(row, "context-length", origin);
  load.batch_size = positive(row, "batch-size", origin);
  load.parallel = positive(row, "parallel", origin);
  load.gpu_layers = layer_count(row, "gpu-layers", origin);
  load.cpu_ffn = layer_count(row, "cpu-ffn", origin);
  if (const auto ttl = positive(row, "ttl", origin)) load.ttl = std::chrono::seconds(*ttl);
  row.check_all_used();
  return setting;
}

}  // namespace

std::vector<ModelSetting> read_model_settings(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  const std::string origin = file.string();
  const Json toml = parse_toml(read_text_file(file, kMostBytes), origin);
  std::vector<ModelSetting> settings;
  for (const auto& [name, value] : toml.items()) {
    if (name != "model" || !value.is_array()) {
      throw Error(ErrorCode::kInvalidFile, origin + " has '" + name + "', but only [[model]] tables mean something");
    }
    for (const Json& table : value) settings.push_back(read_setting(table, origin));
  }
  return settings;
}

void add_aliases(const std::vector<ModelSetting>& settings, std::vector<ModelEntry>& models) {
  for (const ModelSetting& setting : settings) {
    if (setting.model.empty()) continue;
    const auto meant = find_model(models, setting.model);
    if (!meant) continue;
    ModelEntry entry = *meant;
    entry.key = setting.name;
    entry.publisher.clear();
    entry.store = "alias";
    models.push_back(std::move(entry));
  }
}

}  // namespace vivace
