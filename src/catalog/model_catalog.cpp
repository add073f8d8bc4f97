#include "catalog/model_catalog.h"

#include "base/error.h"
#include "base/json.h"
#include "catalog/catalog_data.h"
#include "catalog/toml_text.h"

namespace vivace {
namespace {

ModelShape read_shape(const Json& table, const std::string& origin) {
  const CatalogRow row(table, origin);
  ModelShape shape;
  shape.name = row.text("name");
  shape.architecture = row.text("architecture");
  shape.layers = row.whole("layers");
  shape.embedding = row.whole("embedding");
  shape.heads = row.whole("heads");
  shape.kv_heads = row.whole("kv_heads");
  shape.head_dim = row.whole("head_dim");
  shape.experts = row.whole("experts", 0);
  shape.dense_layers = row.whole("dense_layers", 0);
  shape.feed_forward =
      shape.experts == 0 || shape.dense_layers > 0 ? row.whole("feed_forward") : row.whole("feed_forward", 0);
  if (shape.experts > 0) {
    shape.experts_used = row.whole("experts_used");
    shape.expert_feed_forward = row.whole("expert_feed_forward");
  }
  shape.shared_feed_forward = row.whole("shared_feed_forward", 0);
  shape.latent_dim = row.whole("latent_dim", 0);
  shape.query_rank = row.whole("query_rank", 0);
  shape.window = row.whole("window", 0);
  shape.full_every = row.whole("full_every", 0);
  shape.vocabulary = row.whole("vocabulary");
  shape.context_length = row.whole("context_length");
  shape.tied_output = row.flag("tied_output");
  row.check_all_used();
  return shape;
}

}  // namespace

std::vector<ModelShape> read_model_shapes(std::string_view text, const std::string& origin) {
  const Json toml = parse_toml(text, origin);
  if (!toml.contains("model") || !toml["model"].is_array()) {
    throw Error(ErrorCode::kInvalidFile, origin + " has no [[model]] tables");
  }
  std::vector<ModelShape> shapes;
  for (const Json& table : toml["model"]) shapes.push_back(read_shape(table, origin));
  return shapes;
}

const std::vector<ModelShape>& model_shapes() {
  static const std::vector<ModelShape> shapes = read_model_shapes(models_text(), "catalog/models.toml");
  return shapes;
}

const ModelShape* find_model_shape(std::string_view name) {
  const std::string key = catalog_key(name);
  for (const ModelShape& shape : model_shapes()) {
    if (catalog_key(shape.name) == key) return &shape;
  }
  return nullptr;
}

}  // namespace vivace
