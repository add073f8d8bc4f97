#include "models/model_card.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/error.h"
#include "gguf/gguf.h"
#include "models/arch/arch_spec.h"
#include "models/file_type.h"

namespace vivace {
namespace {

using enum TensorRole;

constexpr int32_t kMaxLayers = 4096;
constexpr int32_t kMaxWidth = 1 << 24;

/// Reads "<arch>.<key>" values and checks that they can be sizes.
class Keys {
 public:
  Keys(const Metadata& metadata, std::string architecture)
      : metadata_(metadata), prefix_(std::move(architecture) + ".") {}

  std::string name(const std::string& key) const { return prefix_ + key; }

  int32_t size(const std::string& key, std::optional<int32_t> fallback = {}, int32_t most = kMaxWidth) const {
    const std::optional<int32_t> value = metadata_.find_i32(name(key));
    if (!value && fallback) return *fallback;
    const int32_t number = value ? *value : metadata_.get_i32(name(key));
    if (number < 1 || number > most) {
      throw metadata_.error(name(key), "is " + std::to_string(number) + ", expected 1 to " + std::to_string(most));
    }
    return number;
  }

  float positive(const std::string& key, float fallback) const {
    const float value = metadata_.find_f32(name(key)).value_or(fallback);
    if (!std::isfinite(value) || value <= 0) throw metadata_.error(name(key), "must be a positive number");
    return value;
  }

  /// A number for all layers or an array with one per layer.
  std::vector<int32_t> per_layer(const std::string& key, int32_t layers, std::optional<int32_t> fallback) const {
    const Value* value = metadata_.find(name(key));
    if (!value || value->type() != ValueType::kArray) return std::vector<int32_t>(layers, size(key, fallback));
    std::vector<int32_t> numbers = metadata_.get_integers<int32_t>(name(key));
    if (int32_t(numbers.size()) != layers) {
      throw metadata_.error(
          name(key), "has " + std::to_string(numbers.size()) + " values for " + std::to_string(layers) + " layers");
    }
    for (int32_t number : numbers) {
      if (number < 1 || number > kMaxWidth) throw metadata_.error(name(key), "holds " + std::to_string(number));
    }
    return numbers;
  }

  const Metadata& metadata() const { return metadata_; }

 private:
  const Metadata& metadata_;
  std::string prefix_;
};

RopeScaling parse_scaling(const Keys& keys) {
  const std::string key = keys.name("rope.scaling.type");
  const std::string_view type = keys.metadata().find_string(key).value_or("none");
  if (type == "none") return RopeScaling::kNone;
  if (type == "linear") return RopeScaling::kLinear;
  if (type == "yarn") return RopeScaling::kYarn;
  if (type == "longrope" || type == "su") return RopeScaling::kLongRope;
  throw keys.metadata().error(key, "is '" + std::string(type) + "', known are none, linear, yarn and longrope");
}

RopeCard read_rope(const Keys& keys, const ArchSpec& spec, const GgufFile& file, const ModelCard& card) {
  RopeCard rope;
  const int32_t key_dim = card.layers[0].key_dim;
  rope.pairs = spec.rope_pairs;
  rope.rotary_dim = keys.size("rope.dimension_count", key_dim, key_dim);
  if (rope.rotary_dim % 2) throw keys.metadata().error(keys.name("rope.dimension_count"), "must be even");
  rope.base = keys.positive("rope.freq_base", 10000);
  rope.scaling = parse_scaling(keys);
  rope.factor = keys.positive("rope.scaling.factor", 1);
  if (keys.metadata().contains(keys.name("rope.scale_linear"))) {  // files of 2023
    rope.scaling = RopeScaling::kLinear;
    rope.factor = keys.positive("rope.scale_linear", 1);
  }
  rope.original_context = keys.size("rope.scaling.original_context_length", card.context_length);
  rope.attention_factor = keys.positive("rope.scaling.attn_factor", 1);
  rope.beta_fast = keys.positive("rope.scaling.yarn_beta_fast", 32);
  rope.beta_slow = keys.positive("rope.scaling.yarn_beta_slow", 1);
  rope.uses_factor_tensor = file.find_tensor("rope_freqs.weight") != nullptr || rope.scaling == RopeScaling::kLongRope;
  return rope;
}

void read_layers(const Keys& keys, const ArchSpec& spec, ModelCard& card) {
  const int32_t count = keys.size("block_count", {}, kMaxLayers);
  const std::vector<int32_t> heads = keys.per_layer("attention.head_count", count, {});
  const std::vector<int32_t> feed_forward = keys.per_layer("feed_forward_length", count, {});
  const Metadata& metadata = keys.metadata();
  const bool one_kv = !metadata.contains(keys.name("attention.head_count_kv"));
  const std::vector<int32_t> kv_heads = one_kv ? heads : keys.per_layer("attention.head_count_kv", count, {});
  const int32_t head_dim = std::max(1, card.embedding / heads[0]);
  const int32_t window = metadata.contains(keys.name("attention.sliding_window"))
                             ? metadata.get_i32(keys.name("attention.sliding_window"))
                             : 0;
  if (window < 0) throw metadata.error(keys.name("attention.sliding_window"), "must not be negative");
  for (int32_t i = 0; i < count; ++i) {
    LayerCard layer;
    layer.heads = heads[i];
    layer.kv_heads = kv_heads[i];
    if (layer.heads % layer.kv_heads) {
      throw metadata.error(keys.name("attention.head_count_kv"),
                           "must divide the " + std::to_string(layer.heads) + " heads");
    }
    layer.key_dim = keys.size("attention.key_length", head_dim, 65536);
    layer.value_dim = keys.size("attention.value_length", layer.key_dim, 65536);
    layer.feed_forward = feed_forward[i];
    const bool full = spec.full_attention_every > 0 && (i + 1) % spec.full_attention_every == 0;
    layer.window = full ? 0 : window;
    layer.rope = spec.window_rope_base > 0 && layer.window > 0 ? 1 : 0;
    card.layers.push_back(layer);
  }
}

struct Shape {
  int64_t rows, columns;
};

Shape expected_shape(const ModelCard& card, TensorRole role, int32_t layer) {
  const int64_t embedding = card.embedding;
  if (layer < 0) {
    switch (role) {
      case kTokenEmbedding:
      case kOutput:
        return {card.vocabulary, embedding};
      case kOutputBias:
        return {1, card.vocabulary};
      case kOutputNorm:
      case kOutputNormBias:
        return {1, embedding};
      default:
        return {1, card.ropes[0].rotary_dim / 2};  // rope factors
    }
  }
  const LayerCard& l = card.layers[layer];
  const int64_t query = int64_t{l.heads} * l.key_dim, key = int64_t{l.kv_heads} * l.key_dim;
  const int64_t value = int64_t{l.kv_heads} * l.value_dim, attended = int64_t{l.heads} * l.value_dim;
  switch (role) {
    case kQuery:
      return {query, embedding};
    case kQueryBias:
      return {1, query};
    case kKey:
      return {key, embedding};
    case kKeyBias:
      return {1, key};
    case kValue:
      return {value, embedding};
    case kValueBias:
      return {1, value};
    case kQueryNorm:
    case kKeyNorm:
      return {1, l.key_dim};
    case kAttentionOutput:
      return {embedding, attended};
    case kFfnGate:
    case kFfnUp:
      return {l.feed_forward, embedding};
    case kFfnGateBias:
    case kFfnUpBias:
      return {1, l.feed_forward};
    case kFfnDown:
      return {embedding, l.feed_forward};
    default:
      return {1, embedding};  // norms and the biases of outputs
  }
}

bool required(const ArchSpec& spec, TensorRole role) {
  switch (role) {
    case kTokenEmbedding:
    case kOutputNorm:
    case kAttentionNorm:
    case kQuery:
    case kKey:
    case kValue:
    case kAttentionOutput:
    case kFfnNorm:
    case kFfnUp:
    case kFfnDown:
      return true;
    case kFfnGate:
      return spec.gated;
    case kQueryNorm:
    case kKeyNorm:
      return spec.head_norms;
    case kAttentionPostNorm:
    case kFfnPostNorm:
      return spec.post_norms;
    default:
      return false;
  }
}

void add_tensor(const GgufFile& file, const ArchSpec& spec, const TensorRoleRow& row, int32_t layer, ModelCard& card) {
  const std::string name = layer < 0 ? row.name : "blk." + std::to_string(layer) + "." + row.name;
  const TensorInfo* info = file.find_tensor(name);
  if (!info) {
    if (!required(spec, row.role)) return;
    throw Error(ErrorCode::kInvalidFile, "tensor " + name + " is missing, the architecture " + spec.name + " needs it",
                "the file is incomplete or of another architecture; download it again");
  }
  TensorCard tensor;
  tensor.name = name;
  tensor.role = row.role;
  tensor.layer = layer;
  tensor.format = find_format(info->ggml_type);
  tensor.columns = int64_t(info->dims[0]);
  tensor.rows = int64_t(info->elements() / info->dims[0]);
  tensor.file_bytes = info->bytes;
  const Shape shape = expected_shape(card, row.role, layer);
  if (tensor.rows != shape.rows || tensor.columns != shape.columns) {
    throw Error(ErrorCode::kInvalidFile, "tensor " + name + " is " + std::to_string(tensor.columns) + " x " +
                                             std::to_string(tensor.rows) + ", the hyperparameters say " +
                                             std::to_string(shape.columns) + " x " + std::to_string(shape.rows));
  }
  card.tensors.push_back(std::move(tensor));
}

/// A tensor that the forward pass would leave out changes the answers, so an unknown one is an error.
void check_all_used(const GgufFile& file, const ModelCard& card) {
  std::unordered_set<std::string_view> used;
  for (const TensorCard& tensor : card.tensors) used.insert(tensor.name);
  for (const TensorInfo& info : file.tensors()) {
    const bool in_layer = info.name.starts_with("blk.");
    const bool precomputed =
        info.name.find("rope_freqs") != std::string::npos || info.name.find("attn_rot_embd") != std::string::npos;
    if (!in_layer || precomputed || used.contains(info.name)) continue;
    throw Error(ErrorCode::kUnsupported,
                "tensor " + info.name + " has no place in the architecture " + card.architecture,
                "this variant of the architecture is not supported by this version");
  }
}

void read_tensors(const GgufFile& file, const ArchSpec& spec, ModelCard& card) {
  for (const TensorRoleRow& row : tensor_roles()) {
    if (!row.per_layer) add_tensor(file, spec, row, -1, card);
  }
  for (int32_t i = 0; i < int32_t(card.layers.size()); ++i) {
    for (const TensorRoleRow& row : tensor_roles()) {
      if (row.per_layer) add_tensor(file, spec, row, i, card);
    }
  }
  card.tied_output = card.find(kOutput) == nullptr;
}

void read_ropes(const Keys& keys, const ArchSpec& spec, const GgufFile& file, ModelCard& card) {
  card.ropes.push_back(read_rope(keys, spec, file, card));
  if (spec.window_rope_base > 0) {  // scaling belongs to the full layers only
    RopeCard windowed;
    windowed.pairs = spec.rope_pairs;
    windowed.rotary_dim = card.ropes[0].rotary_dim;
    windowed.base = keys.positive("rope.freq_base_swa", spec.window_rope_base);
    card.ropes.push_back(windowed);
  }
}

}  // namespace

int64_t ModelCard::parameters() const {
  int64_t count = 0;
  for (const TensorCard& tensor : tensors) count += tensor.rows * tensor.columns;
  return count;
}

size_t ModelCard::weight_bytes() const {
  size_t bytes = 0;
  for (const TensorCard& tensor : tensors) bytes += tensor.file_bytes;
  return bytes;
}

const TensorCard* ModelCard::find(TensorRole role, int32_t layer) const {
  for (const TensorCard& tensor : tensors) {
    if (tensor.role == role && tensor.layer == layer) return &tensor;
  }
  return nullptr;
}

ModelCard read_model_card(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  ModelCard card;
  card.architecture = metadata.get_string("general.architecture");
  const ArchSpec* spec = find_arch(card.architecture.c_str());
  if (!spec) {
    throw Error(ErrorCode::kUnsupported, "the architecture '" + card.architecture + "' is not supported",
                "vivace inspect still shows what is in the file");
  }
  const Keys keys(metadata, card.architecture);
  if (metadata.find_u32(keys.name("expert_count")).value_or(0) > 0) {
    throw Error(ErrorCode::kUnsupported, "mixtures of experts are not supported for '" + card.architecture + "'");
  }
  card.name = metadata.find_string("general.name").value_or("");
  card.file_type = file_type_name(metadata.find_u32("general.file_type"));
  card.context_length = keys.size("context_length", {}, 1 << 30);
  card.embedding = keys.size("embedding_length");
  const TensorInfo* embedding = file.find_tensor("token_embd.weight");
  if (embedding && embedding->elements() / embedding->dims[0] <= uint64_t(kMaxWidth)) {
    card.vocabulary = int32_t(embedding->elements() / embedding->dims[0]);
  }
  card.norm = spec->norm;
  card.norm_epsilon = keys.positive(
      spec->norm == NormKind::kRms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", 1e-5f);
  card.glu = spec->glu;
  if (spec->scale_embedding) card.embedding_scale = std::sqrt(float(card.embedding));
  read_layers(keys, *spec, card);
  card.attention_scale = keys.positive("attention.scale", 1 / std::sqrt(float(card.layers[0].key_dim)));
  card.score_cap = metadata.find_f32(keys.name("attn_logit_softcapping")).value_or(0);
  card.logit_cap = metadata.find_f32(keys.name("final_logit_softcapping")).value_or(0);
  read_ropes(keys, *spec, file, card);
  if (spec->adjust) spec->adjust(metadata, card);
  read_tensors(file, *spec, card);
  check_all_used(file, card);
  return card;
}

}  // namespace vivace
