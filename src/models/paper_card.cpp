#include "models/paper_card.h"

#include <algorithm>

#include "base/ascii_case.h"
#include "base/error.h"
#include "gguf/gguf.h"
#include "models/arch/arch_spec.h"
#include "models/file_type.h"
#include "models/quant_mix.h"

namespace vivace {
namespace {

using enum TensorRole;

constexpr int32_t kMostLayers = 4096, kWidest = 1 << 24;

/// Writes the tensors of a shape, one by one.
class ShapeWriter {
 public:
  ShapeWriter(const ModelShape& shape, std::string_view mix, ModelCard& card)
      : mix_(mix), card_(card), subject_{shape.layers,  shape.heads,       shape.kv_heads,
                                         shape.experts, shape.tied_output, shape.architecture == "llama"} {}

  void matrix(TensorRole role, int32_t layer, int64_t rows, int64_t columns, int32_t experts = 1, int32_t used = 1) {
    Format format = format_of(role, layer);
    if (columns % int64_t(format_row(format).block_columns) != 0 && !is_pure()) format = for_odd_rows(format);
    TensorCard& tensor = add(role, layer, format_row(format), rows * experts, columns);
    tensor.active_share = float(used) / float(experts);
  }

  void f32_matrix(TensorRole role, int32_t layer, int64_t rows, int64_t columns) {
    add(role, layer, format_row(Format::kF32), rows, columns);
  }

  void vector(TensorRole role, int32_t layer, int64_t columns) {
    add(role, layer, format_row(Format::kF32), 1, columns);
  }

 private:
  static constexpr std::string_view kPure = "pure:";
  bool is_pure() const { return mix_.starts_with(kPure); }

  /// What llama-quantize takes instead where rows are no multiples of 256.
  static Format for_odd_rows(Format format) {
    switch (format) {
      case Format::kQ4_K:
        return Format::kQ5_0;
      case Format::kQ5_K:
        return Format::kQ5_1;
      case Format::kQ6_K:
        return Format::kQ8_0;
      case Format::kTQ1_0:
      case Format::kTQ2_0:
        return Format::kQ4_0;
      default:
        return Format::kIQ4_NL;
    }
  }

  Format format_of(TensorRole role, int32_t layer) const {
    if (!is_pure()) return mix_format(mix_, role, std::max(layer, 0), subject_);
    const std::string name = ascii_upper(mix_.substr(kPure.size()));
    const FormatRow* row = find_format(name);
    if (row == nullptr) throw Error(ErrorCode::kInvalidArgument, "there is no weight format '" + name + "'");
    return row->format;
  }

  TensorCard& add(TensorRole role, int32_t layer, const FormatRow& format, int64_t rows, int64_t columns) {
    if (columns % int64_t(format.block_columns) != 0) {
      throw Error(ErrorCode::kInvalidArgument, "rows of " + std::to_string(columns) + " values can't be stored in " +
                                                   format.name + ", whose blocks have " +
                                                   std::to_string(format.block_columns));
    }
    TensorCard& tensor = card_.tensors.emplace_back();
    const char* const name = tensor_roles()[size_t(role)].name;
    tensor.name = layer < 0 ? name : "blk." + std::to_string(layer) + "." + name;
    tensor.role = role;
    tensor.layer = layer;
    tensor.format = &format;
    tensor.rows = rows;
    tensor.columns = columns;
    tensor.file_bytes = row_bytes(format, size_t(columns)) * size_t(rows);
    return tensor;
  }

  const std::string_view mix_;
  ModelCard& card_;
  MixSubject subject_;
};

LayerCard layer_of(const ModelShape& shape, int32_t index) {
  LayerCard layer;
  layer.heads = shape.heads;
  layer.kv_heads = shape.latent_dim > 0 ? 1 : shape.kv_heads;
  layer.key_dim = shape.latent_dim > 0 ? shape.latent_dim : shape.head_dim;
  layer.value_dim = shape.latent_dim > 0 ? 0 : shape.head_dim;
  const bool dense = shape.experts == 0 || index < shape.dense_layers;
  layer.feed_forward =
      dense ? shape.feed_forward : shape.expert_feed_forward * shape.experts_used + shape.shared_feed_forward;
  const bool full = shape.full_every > 0 && (index + 1) % shape.full_every == 0;
  layer.window = full ? 0 : shape.window;
  return layer;
}

/// Queries, keys, values and their way back. A latent one (MLA) has its small and large projections in their place.
void write_attention(const ModelShape& s, int32_t i, ShapeWriter& write) {
  const int64_t query = int64_t{s.heads} * s.head_dim, key = int64_t{s.kv_heads} * s.head_dim;
  write.vector(kAttentionNorm, i, s.embedding);
  if (s.latent_dim == 0) {
    write.matrix(kQuery, i, query, s.embedding);
    write.matrix(kKey, i, key, s.embedding);
    write.matrix(kValue, i, key, s.embedding);
    write.matrix(kAttentionOutput, i, s.embedding, query);
    return;
  }
  constexpr int64_t kRotated = 64;  // columns of the latent vector that carry the position
  const int64_t latent = s.latent_dim - kRotated, value = s.head_dim - kRotated;
  if (s.query_rank > 0) {
    write.matrix(kQuery, i, s.query_rank, s.embedding);
    write.matrix(kQuery, i, query, s.query_rank);
  } else {
    write.matrix(kQuery, i, query, s.embedding);
  }
  write.matrix(kKey, i, s.latent_dim, s.embedding);
  write.matrix(kKey, i, s.heads * value, latent);
  write.matrix(kValue, i, s.heads * value, latent);
  write.matrix(kAttentionOutput, i, s.embedding, s.heads * value);
}

void write_feed_forward(const ModelShape& s, int32_t i, ShapeWriter& write) {
  const auto block = [&](int64_t width, int32_t experts, int32_t used) {
    if (width == 0) return;
    if (s.gated) write.matrix(kFfnGate, i, width, s.embedding, experts, used);
    write.matrix(kFfnUp, i, width, s.embedding, experts, used);
    write.matrix(kFfnDown, i, s.embedding, width, experts, used);
  };
  write.vector(kFfnNorm, i, s.embedding);
  if (s.experts == 0 || i < s.dense_layers) return block(s.feed_forward, 1, 1);
  write.f32_matrix(kFfnGate, i, s.experts, s.embedding);  // the router
  block(s.expert_feed_forward, s.experts, s.experts_used);
  block(s.shared_feed_forward, 1, 1);
}

void check_sizes(const ModelShape& s) {
  const auto check = [&](const char* what, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    throw Error(ErrorCode::kInvalidArgument, "the shape " + s.name + " has " + what + " = " + std::to_string(value) +
                                                 ", which must be " + std::to_string(least) + " to " +
                                                 std::to_string(most));
  };
  check("layers", s.layers, 1, kMostLayers);
  check("embedding", s.embedding, 1, kWidest);
  check("heads", s.heads, 1, 65536);
  check("kv_heads", s.kv_heads, 1, s.heads);
  check("head_dim", s.head_dim, 2, 65536);
  check("vocabulary", s.vocabulary, 1, kWidest);
  check("context_length", s.context_length, 1, 1 << 30);
  check("feed_forward", s.feed_forward, s.experts == 0 || s.dense_layers > 0 ? 1 : 0, kWidest);
  check("experts", s.experts, 0, 65536);
  check("experts_used", s.experts_used, s.experts > 0 ? 1 : 0, s.experts);
  check("expert_feed_forward", s.expert_feed_forward, s.experts > 0 ? 1 : 0, kWidest);
}

/// Whether this version's decoder computes such a model.
std::string why_not_runnable(const ModelShape& shape) {
  if (find_arch(shape.architecture.c_str()) == nullptr) {
    return "the architecture '" + shape.architecture + "' is not supported";
  }
  return shape.experts > 0 ? "mixtures of experts are not supported" : "";
}

}  // namespace

ModelCard shape_card(const ModelShape& shape, std::string_view mix) {
  check_sizes(shape);
  ModelCard card;
  card.architecture = shape.architecture;
  card.name = shape.name;
  card.file_type = mix.starts_with("pure:") ? std::string(mix.substr(5)) : mix_name(mix);
  card.not_runnable = why_not_runnable(shape);
  card.context_length = shape.context_length;
  card.embedding = shape.embedding;
  card.vocabulary = shape.vocabulary;
  card.tied_output = shape.tied_output;
  RopeCard& rope = card.ropes.emplace_back();
  rope.rotary_dim = shape.head_dim / 2 * 2;
  ShapeWriter write(shape, mix, card);
  write.matrix(kTokenEmbedding, -1, shape.vocabulary, shape.embedding);
  for (int32_t i = 0; i < shape.layers; ++i) {
    card.layers.push_back(layer_of(shape, i));
    write_attention(shape, i, write);
    write_feed_forward(shape, i, write);
  }
  write.vector(kOutputNorm, -1, shape.embedding);
  if (!shape.tied_output) write.matrix(kOutput, -1, shape.vocabulary, shape.embedding);
  return card;
}

namespace {

/// Reads the metadata of an architecture that isn't known, by the names that all of them share.
class ForeignFile {
 public:
  ForeignFile(const GgufFile& file, ModelCard& card) : file_(file), card_(card) {}

  void read() {
    const Metadata& metadata = file_.metadata();
    card_.name = metadata.find_string("general.name").value_or("");
    card_.file_type = file_type_name(metadata.find_u32("general.file_type"));
    card_.context_length = number("context_length", 4096, 1 << 30);
    card_.embedding = number("embedding_length", 0, kWidest);
    const int32_t layers = number("block_count", 0, kMostLayers);
    if (card_.embedding < 1 || layers < 1) {
      throw Error(ErrorCode::kInvalidFile, "the file doesn't say how large its model is",
                  "it has no " + card_.architecture + ".embedding_length or no " + card_.architecture + ".block_count");
    }
    experts_ = number("expert_count", 0, 65536);
    used_ = std::clamp(number("expert_used_count", experts_, 65536), 0, experts_);
    for (int32_t i = 0; i < layers; ++i) card_.layers.push_back(layer(i));
    card_.ropes.emplace_back().rotary_dim = std::max(2, card_.layers[0].key_dim / 2 * 2);
    for (const TensorInfo& info : file_.tensors()) add(info);
    card_.tied_output = card_.find(kOutput) == nullptr;
    if (const TensorCard* table = card_.find(kTokenEmbedding)) {
      card_.vocabulary = int32_t(std::min<int64_t>(table->rows, kWidest));
    } else {
      throw Error(ErrorCode::kInvalidFile, "the file has no token_embd.weight", "is it a language model?");
    }
  }

 private:
  int32_t number(const std::string& key, int32_t fallback, int32_t most) const {
    const std::string name = card_.architecture + "." + key;
    const Value* value = file_.metadata().find(name);
    if (value == nullptr || value->type() == ValueType::kArray) return fallback;
    const int32_t found = file_.metadata().get_i32(name);
    if (found < 0 || found > most) throw file_.metadata().error(name, "is " + std::to_string(found));
    return found;
  }

  /// A number for all layers or one for each.
  int32_t of_layer(const std::string& key, int32_t index, int32_t fallback) const {
    const std::string name = card_.architecture + "." + key;
    const Value* value = file_.metadata().find(name);
    if (value == nullptr || value->type() != ValueType::kArray) return number(key, fallback, kWidest);
    const std::vector<int32_t> all = file_.metadata().get_integers<int32_t>(name);
    const int32_t found = size_t(index) < all.size() ? all[size_t(index)] : fallback;
    if (found < 0 || found > kWidest) throw file_.metadata().error(name, "holds " + std::to_string(found));
    return found;
  }

  LayerCard layer(int32_t i) const {
    LayerCard layer;
    layer.heads = std::max(1, of_layer("attention.head_count", i, 1));
    layer.kv_heads = of_layer("attention.head_count_kv", i, layer.heads);
    const int32_t head = std::max(1, card_.embedding / layer.heads);
    layer.key_dim = number("attention.key_length", head, 65536);
    layer.value_dim = number("attention.value_length", layer.key_dim, 65536);
    if (const int32_t latent = number("attention.kv_lora_rank", 0, 65536); latent > 0) {  // MLA: one vector for all
      layer.kv_heads = 1;
      layer.key_dim = latent + number("rope.dimension_count", 0, 65536);
      layer.value_dim = 0;
    }
    layer.feed_forward = of_layer("feed_forward_length", i, 0);
    if (experts_ > 0) {
      layer.feed_forward = number("expert_feed_forward_length", layer.feed_forward, kWidest) * std::max(1, used_);
    }
    // Which layers see everything is known of few architectures; to count their windows as full errs on the safe side.
    return layer;
  }

  void add(const TensorInfo& info) {
    TensorCard tensor;
    tensor.name = info.name;
    tensor.format = find_format(info.ggml_type);
    tensor.columns = int64_t(info.dims[0]);
    tensor.rows = int64_t(info.elements() / info.dims[0]);
    tensor.file_bytes = info.bytes;
    const bool matrix = info.dims.size() > 1 && tensor.rows > 1;
    tensor.role = matrix ? kQuery : kAttentionNorm;
    if (info.name.starts_with("blk.")) {
      tensor.layer = std::clamp(std::atoi(info.name.c_str() + 4), 0, int32_t(card_.layers.size()) - 1);
      if (info.name.find("_exps") != std::string::npos && experts_ > 0) {
        tensor.active_share = float(used_) / float(experts_);
        tensor.role = kFfnUp;
      }
    } else if (info.name == "token_embd.weight") {
      tensor.role = kTokenEmbedding;
    } else if (info.name == "output.weight") {
      tensor.role = kOutput;
    } else {
      tensor.role = matrix ? kOutput : kOutputNorm;
      if (matrix) return;  // other parts (vision, draft heads): not loaded
    }
    card_.tensors.push_back(std::move(tensor));
  }

  const GgufFile& file_;
  ModelCard& card_;
  int32_t experts_ = 0, used_ = 0;
};

}  // namespace

ModelCard read_card_for_planning(const GgufFile& file) {
  std::string why;
  try {
    return read_model_card(file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    why = error.what();
  }
  ModelCard card;
  card.architecture = file.metadata().get_string("general.architecture");
  card.not_runnable = std::move(why);
  ForeignFile(file, card).read();
  return card;
}

}  // namespace vivace
