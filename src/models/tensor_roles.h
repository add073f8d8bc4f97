// The roles a tensor plays in a decoder and the GGUF name of each. One row a role.
#pragma once

#include <cstdint>
#include <span>

namespace vivace {

enum class TensorRole : uint8_t {
  kTokenEmbedding,
  kOutput,
  kOutputNorm,
  kOutputNormBias,
  kOutputBias,
  kRopeFactors,
  kRopeFactorsLong,
  kRopeFactorsShort,
  kAttentionNorm,
  kAttentionNormBias,
  kQuery,
  kQueryBias,
  kQueryNorm,
  kKey,
  kKeyBias,
  kKeyNorm,
  kValue,
  kValueBias,
  kAttentionOutput,
  kAttentionOutputBias,
  kAttentionPostNorm,
  kFfnNorm,
  kFfnNormBias,
  kFfnGate,
  kFfnGateBias,
  kFfnUp,
  kFfnUpBias,
  kFfnDown,
  kFfnDownBias,
  kFfnPostNorm,
  kCount,
};

constexpr int32_t kTensorRoles = static_cast<int32_t>(TensorRole::kCount);

/// Of a layer's two halves the second; all others of a layer are its attention's.
constexpr bool is_feed_forward(TensorRole role) {
  return role >= TensorRole::kFfnNorm && role <= TensorRole::kFfnPostNorm;
}

enum class TensorShape : uint8_t {
  kMatrix,  // quantised formats allowed
  kVector,  // loaded as F32
};

struct TensorRoleRow {
  TensorRole role;
  const char* name;  // GGUF name; within a layer without the "blk.N." prefix
  bool per_layer;
  TensorShape shape;
};

std::span<const TensorRoleRow> tensor_roles();

}  // namespace vivace
