// Which format each matrix of a model gets in a named quantisation mix, such as Q4_K_M: the rules by which
// llama-quantize makes files without an importance matrix. For plans of models one has no file of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/tensor_roles.h"
#include "quant/formats.h"

namespace vivace {

/// What the rules look at besides the tensor.
struct MixSubject {
  int32_t layers = 0;
  int32_t heads = 0;
  int32_t kv_heads = 0;
  int32_t experts = 0;  // 0: a dense model
  bool tied_output = false;
  bool llama = false;  // the architecture "llama"
};

/// Format of the matrix with this role in layer `layer` (outside the layers: any). Throws Error kInvalidArgument, with
/// the names there are, for an unknown mix.
Format mix_format(std::string_view mix, TensorRole role, int32_t layer, const MixSubject& subject);

/// The mix's name as files have it: "q4_k_m" is "Q4_K_M". Throws as mix_format().
std::string mix_name(std::string_view mix);

/// The names of all mixes, in capitals.
std::vector<std::string> mix_names();

}  // namespace vivace
