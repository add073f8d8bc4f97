// Cards for planning: of a shape alone, without a file, and of files whose architecture this version can't run yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/model_card.h"

namespace vivace {

/// The numbers that a model's size and speed follow from.
struct ModelShape {
  std::string name;          // "llama-7b"
  std::string architecture;  // as in GGUF files: "llama"
  int32_t layers = 0;
  int32_t embedding = 0;
  int32_t heads = 0;
  int32_t kv_heads = 0;
  int32_t head_dim = 0;
  int32_t feed_forward = 0;  // of a dense layer; 0 where every layer has experts
  int32_t experts = 0;       // 0: dense
  int32_t experts_used = 0;
  int32_t expert_feed_forward = 0;
  int32_t shared_feed_forward = 0;  // of the experts that every token passes
  int32_t dense_layers = 0;         // of a mixture of experts: the first layers, which have none
  int32_t latent_dim = 0;           // KV per token and layer where it is one latent vector (MLA); 0: keys and values
  int32_t query_rank = 0;           // of MLA's queries; 0: they are not compressed
  int32_t window = 0;               // of sliding layers; 0: there are none
  int32_t full_every = 0;           // with a window, every n-th layer sees everything
  int32_t vocabulary = 0;
  int32_t context_length = 0;
  bool gated = true;
  bool tied_output = false;
};

/// The card of a shape in a quantisation mix ("q4_k_m"), or with every matrix in one format where the mix is "pure:"
/// and the format's name. Throws Error kInvalidArgument for an unknown mix, or rows that its blocks don't divide.
ModelCard shape_card(const ModelShape& shape, std::string_view mix);

/// read_model_card(), or, where that architecture can't run, what its metadata and tensors tell: enough to count bytes
/// and to predict speed, with `not_runnable` saying why. Throws Error kInvalidFile where they don't tell.
ModelCard read_card_for_planning(const GgufFile& file);

}  // namespace vivace
