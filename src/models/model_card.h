// What a model is, read from its GGUF header: hyperparameters, one row per layer, one row per tensor. Plain data; the
// planner reads it, the decoder executes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/ops.h"
#include "models/tensor_roles.h"

namespace vivace {

class GgufFile;

enum class RopeScaling : uint8_t { kNone, kLinear, kYarn, kLongRope };

/// One rotary embedding of the model; layers refer to it by index.
struct RopeCard {
  RopePairs pairs = RopePairs::kNeighbours;
  int32_t rotary_dim = 0;
  float base = 10000;
  RopeScaling scaling = RopeScaling::kNone;
  float factor = 1;              // context extension
  int32_t original_context = 0;  // tokens, before the extension
  float attention_factor = 1;    // multiplies the magnitude
  float beta_fast = 32;          // YaRN
  float beta_slow = 1;
  bool uses_factor_tensor = false;  // divides by rope_freqs.weight (or rope_factors_long/short for LongRope)
};

struct LayerCard {
  int32_t heads = 0;
  int32_t kv_heads = 0;
  int32_t key_dim = 0;
  int32_t value_dim = 0;
  int32_t feed_forward = 0;
  int32_t window = 0;  // positions a query sees including itself; 0: all
  int32_t rope = 0;    // index into ModelCard::ropes; -1: no rotation
};

/// One tensor the model uses. `layer` is -1 for those outside the layers.
struct TensorCard {
  std::string name;
  TensorRole role;
  int32_t layer = -1;
  const FormatRow* format = nullptr;
  int64_t rows = 0;     // 1 for vectors
  int64_t columns = 0;  // row length
  size_t file_bytes = 0;
  float active_share = 1;  // of its rows, those that one token is multiplied by: experts
};

struct ModelCard {
  std::string architecture;
  std::string not_runnable;  // why this version can plan but not load it; empty: it can
  std::string name;
  std::string file_type;       // the quantisation mix as the file names it, for people
  int32_t context_length = 0;  // trained for, tokens
  int32_t embedding = 0;
  int32_t vocabulary = 0;
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-5f;
  GluKind glu = GluKind::kSilu;
  float embedding_scale = 1;
  float attention_scale = 1;  // of q k^T
  float score_cap = 0;        // attention logits, 0: none
  float logit_cap = 0;        // output logits, 0: none
  float logit_scale = 1;
  float residual_scale = 1;
  bool tied_output = false;  // the token embedding is the output matrix
  std::vector<RopeCard> ropes;
  std::vector<LayerCard> layers;
  std::vector<TensorCard> tensors;

  int64_t parameters() const;
  size_t weight_bytes() const;
  const TensorCard* find(TensorRole role, int32_t layer = -1) const;
};

/// Reads and checks the card. Throws Error kUnsupported for an unknown architecture and kInvalidFile for a missing or
/// misshapen key or tensor, naming it.
ModelCard read_model_card(const GgufFile& file);

/// Radians per position for each pair of a rope: [rotary_dim / 2]. `factors` is the factor tensor where the rope uses
/// one, else empty. Sources: linear scaling (kaiokendev 2023), YaRN (Peng et al. 2023), LongRoPE (Ding et al. 2024),
/// Llama 3 (its factors are stored in the file).
std::vector<float> rope_frequencies(const RopeCard& rope, const std::vector<float>& factors);

/// Multiplies the cosines and sines (YaRN's attention temperature).
float rope_magnitude(const RopeCard& rope);

}  // namespace vivace
