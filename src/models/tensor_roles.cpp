#include "models/tensor_roles.h"

namespace vivace {

std::span<const TensorRoleRow> tensor_roles() {
  using enum TensorRole;
  constexpr auto kMatrix = TensorShape::kMatrix;
  constexpr auto kVector = TensorShape::kVector;
  static constexpr TensorRoleRow kRows[] = {
      {kTokenEmbedding, "token_embd.weight", false, kMatrix},
      {kOutput, "output.weight", false, kMatrix},
      {kOutputNorm, "output_norm.weight", false, kVector},
      {kOutputNormBias, "output_norm.bias", false, kVector},
      {kOutputBias, "output.bias", false, kVector},
      {kRopeFactors, "rope_freqs.weight", false, kVector},
      {kRopeFactorsLong, "rope_factors_long.weight", false, kVector},
      {kRopeFactorsShort, "rope_factors_short.weight", false, kVector},
      {kAttentionNorm, "attn_norm.weight", true, kVector},
      {kAttentionNormBias, "attn_norm.bias", true, kVector},
      {kQuery, "attn_q.weight", true, kMatrix},
      {kQueryBias, "attn_q.bias", true, kVector},
      {kQueryNorm, "attn_q_norm.weight", true, kVector},
      {kKey, "attn_k.weight", true, kMatrix},
      {kKeyBias, "attn_k.bias", true, kVector},
      {kKeyNorm, "attn_k_norm.weight", true, kVector},
      {kValue, "attn_v.weight", true, kMatrix},
      {kValueBias, "attn_v.bias", true, kVector},
      {kAttentionOutput, "attn_output.weight", true, kMatrix},
      {kAttentionOutputBias, "attn_output.bias", true, kVector},
      {kAttentionPostNorm, "post_attention_norm.weight", true, kVector},
      {kFfnNorm, "ffn_norm.weight", true, kVector},
      {kFfnNormBias, "ffn_norm.bias", true, kVector},
      {kFfnGate, "ffn_gate.weight", true, kMatrix},
      {kFfnGateBias, "ffn_gate.bias", true, kVector},
      {kFfnUp, "ffn_up.weight", true, kMatrix},
      {kFfnUpBias, "ffn_up.bias", true, kVector},
      {kFfnDown, "ffn_down.weight", true, kMatrix},
      {kFfnDownBias, "ffn_down.bias", true, kVector},
      {kFfnPostNorm, "post_ffw_norm.weight", true, kVector},
  };
  static_assert(std::size(kRows) == kTensorRoles);
  return kRows;
}

}  // namespace vivace
