#include "models/quant_mix.h"

#include <algorithm>
#include <optional>

#include "base/ascii_case.h"
#include "base/error.h"

namespace vivace {
namespace {

using enum TensorRole;

enum class Mix : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ2_K_S,
  kQ3_K_S,
  kQ3_K_M,
  kQ3_K_L,
  kQ4_K_S,
  kQ4_K_M,
  kQ5_K_S,
  kQ5_K_M,
  kQ6_K,
  kIQ1_S,
  kIQ1_M,
  kIQ2_XXS,
  kIQ2_XS,
  kIQ2_S,
  kIQ2_M,
  kIQ3_XXS,
  kIQ3_XS,
  kIQ3_S,
  kIQ3_M,
  kIQ4_NL,
  kIQ4_XS,
  kTQ1_0,
  kTQ2_0,
  kMXFP4,
  kNVFP4,
  kQ1_0,
  kQ2_0,
};

struct MixRow {
  Mix mix;
  const char* name;
  Format base;  // of most matrices
};

constexpr MixRow kMixes[] = {
    {Mix::kF32, "F32", Format::kF32},
    {Mix::kF16, "F16", Format::kF16},
    {Mix::kBF16, "BF16", Format::kBF16},
    {Mix::kQ4_0, "Q4_0", Format::kQ4_0},
    {Mix::kQ4_1, "Q4_1", Format::kQ4_1},
    {Mix::kQ5_0, "Q5_0", Format::kQ5_0},
    {Mix::kQ5_1, "Q5_1", Format::kQ5_1},
    {Mix::kQ8_0, "Q8_0", Format::kQ8_0},
    {Mix::kQ2_K, "Q2_K", Format::kQ2_K},
    {Mix::kQ2_K_S, "Q2_K_S", Format::kQ2_K},
    {Mix::kQ3_K_S, "Q3_K_S", Format::kQ3_K},
    {Mix::kQ3_K_M, "Q3_K_M", Format::kQ3_K},
    {Mix::kQ3_K_L, "Q3_K_L", Format::kQ3_K},
    {Mix::kQ4_K_S, "Q4_K_S", Format::kQ4_K},
    {Mix::kQ4_K_M, "Q4_K_M", Format::kQ4_K},
    {Mix::kQ5_K_S, "Q5_K_S", Format::kQ5_K},
    {Mix::kQ5_K_M, "Q5_K_M", Format::kQ5_K},
    {Mix::kQ6_K, "Q6_K", Format::kQ6_K},
    {Mix::kIQ1_S, "IQ1_S", Format::kIQ1_S},
    {Mix::kIQ1_M, "IQ1_M", Format::kIQ1_M},
    {Mix::kIQ2_XXS, "IQ2_XXS", Format::kIQ2_XXS},
    {Mix::kIQ2_XS, "IQ2_XS", Format::kIQ2_XS},
    {Mix::kIQ2_S, "IQ2_S", Format::kIQ2_XS},
    {Mix::kIQ2_M, "IQ2_M", Format::kIQ2_S},
    {Mix::kIQ3_XXS, "IQ3_XXS", Format::kIQ3_XXS},
    {Mix::kIQ3_XS, "IQ3_XS", Format::kIQ3_S},
    {Mix::kIQ3_S, "IQ3_S", Format::kIQ3_S},
    {Mix::kIQ3_M, "IQ3_M", Format::kIQ3_S},
    {Mix::kIQ4_NL, "IQ4_NL", Format::kIQ4_NL},
    {Mix::kIQ4_XS, "IQ4_XS", Format::kIQ4_XS},
    {Mix::kTQ1_0, "TQ1_0", Format::kTQ1_0},
    {Mix::kTQ2_0, "TQ2_0", Format::kTQ2_0},
    {Mix::kMXFP4, "MXFP4", Format::kMXFP4},
    {Mix::kNVFP4, "NVFP4", Format::kNVFP4},
    {Mix::kQ1_0, "Q1_0", Format::kQ1_0},
    {Mix::kQ2_0, "Q2_0", Format::kQ2_0},
};

const MixRow& find_mix(std::string_view mix) {
  const std::string name = ascii_upper(mix);
  for (const MixRow& row : kMixes) {
    if (name == row.name) return row;
  }
  std::string known;
  for (const MixRow& row : kMixes) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error(ErrorCode::kInvalidArgument, "there is no quantisation '" + std::string(mix) + "'", "there are " + known);
}

/// The question of one tensor.
struct Asked {
  const MixRow& row;
  TensorRole role;
  int32_t layer;
  const MixSubject& subject;

  bool is(std::initializer_list<Mix> mixes) const {
    return std::find(mixes.begin(), mixes.end(), row.mix) != mixes.end();
  }
  bool first_eighth() const { return layer < subject.layers / 8; }
  /// The layers that get more bits: the first eighth, the last, and every third between.
  bool more_bits() const {
    const int32_t eighth = subject.layers / 8;
    return layer < eighth || layer >= 7 * subject.layers / 8 || (layer - eighth) % 3 == 2;
  }
  bool eight_experts() const { return subject.experts == 8; }
  bool grouped() const { return subject.heads >= 4 * subject.kv_heads; }
  bool is_ffn() const { return role == kFfnGate || role == kFfnUp || role == kFfnDown; }
};

/// The mixes of one and two bits of the IQ family.
Format smallest(const Asked& a, bool fat) {
  const Format base = a.row.base;
  switch (a.role) {
    case kValue:
      if (a.grouped() || a.subject.experts >= 4) return Format::kQ4_K;
      return fat ? Format::kIQ3_S : Format::kQ2_K;
    case kAttentionOutput:
      if (a.eight_experts()) return Format::kQ5_K;
      if (fat) return Format::kIQ3_S;
      return a.is({Mix::kIQ1_S, Mix::kIQ1_M}) ? Format::kIQ2_XXS : base;
    case kFfnDown:
      if (!a.first_eighth()) return base;
      return fat ? Format::kIQ3_S : Format::kQ2_K;
    case kKey:
      return a.eight_experts() ? Format::kQ4_K : base;
    default:
      return base;
  }
}

Format value_format(const Asked& a) {
  using enum Mix;
  Format format = a.row.base;
  const bool grouped = a.grouped();
  if (a.is({kQ2_K})) format = grouped ? Format::kQ4_K : Format::kQ3_K;
  if (a.is({kQ3_K_M})) format = a.layer < 2 ? Format::kQ5_K : Format::kQ4_K;
  if (a.is({kQ3_K_L})) format = Format::kQ5_K;
  if (a.is({kIQ3_M})) format = Format::kQ4_K;
  if (a.is({kIQ3_XXS})) format = grouped ? Format::kQ4_K : Format::kIQ3_S;
  if (grouped && a.is({kQ2_K_S, kIQ3_XS, kIQ3_S})) format = Format::kQ4_K;
  if (grouped && a.is({kIQ4_NL, kIQ4_XS})) format = Format::kQ5_K;
  if (a.is({kQ4_K_M, kQ5_K_M}) && a.more_bits()) format = Format::kQ6_K;
  if (a.is({kQ4_K_S}) && a.layer < 4) format = Format::kQ5_K;
  // A Llama of 70B shares its values among eight heads: more bits cost next to nothing.
  const bool seventy = a.subject.llama && a.subject.layers == 80 && a.subject.kv_heads < a.subject.heads;
  return seventy && (format == Format::kQ3_K || format == Format::kQ4_K) ? Format::kQ5_K : format;
}

Format down_format(const Asked& a) {
  using enum Mix;
  if (a.is({kQ4_K_M, kQ5_K_M})) return a.more_bits() ? Format::kQ6_K : a.row.base;
  if (a.is({kQ3_K_M})) return a.layer < a.subject.layers / 16 ? Format::kQ5_K : Format::kQ4_K;
  if (a.is({kQ2_K})) return Format::kQ3_K;
  if (a.is({kQ3_K_L})) return Format::kQ5_K;
  if (a.first_eighth() || (a.is({kIQ3_M}) && a.eight_experts() && a.more_bits())) {
    if (a.is({kQ2_K_S, kIQ3_XXS, kIQ3_M})) return Format::kQ4_K;
    if (a.is({kIQ4_NL, kIQ4_XS, kQ4_K_S})) return Format::kQ5_K;
  } else if (a.is({kIQ3_XXS})) {
    return Format::kQ3_K;
  }
  return a.row.base;
}

Format attention_output_format(const Asked& a) {
  using enum Mix;
  if (a.is({kQ2_K})) return Format::kQ3_K;
  if (a.is({kIQ3_XXS})) return Format::kIQ3_S;
  if (a.is({kQ3_K_M, kIQ3_M})) return Format::kQ4_K;
  if (a.is({kQ3_K_L})) return Format::kQ5_K;
  return a.row.base;
}

std::optional<Format> of_eight_experts(const Asked& a) {
  using enum Mix;
  if (!a.eight_experts()) return {};
  if (a.role == kKey || a.role == kValue) return Format::kQ8_0;
  if (a.role == kAttentionOutput &&
      a.is({kQ2_K, kQ3_K_S, kQ3_K_M, kQ4_K_S, kQ4_K_M, kIQ3_XXS, kIQ3_XS, kIQ3_S, kIQ3_M, kIQ4_NL, kIQ4_XS})) {
    return Format::kQ5_K;
  }
  return {};
}

}  // namespace

Format mix_format(std::string_view mix, TensorRole role, int32_t layer, const MixSubject& subject) {
  using enum Mix;
  const MixRow& row = find_mix(mix);
  const Asked a{row, role, layer, subject};
  if (a.is({kF32, kF16, kBF16, kQ8_0})) return row.base;
  if (a.is({kMXFP4, kNVFP4})) {  // made for experts; a dense model gets it in all its layers
    const bool attention = role == kQuery || role == kKey || role == kValue || role == kAttentionOutput;
    return a.is_ffn() || (subject.experts == 0 && attention) ? row.base : Format::kQ8_0;
  }
  const bool fat = a.is({kIQ2_S, kIQ2_M});
  const bool small = fat || a.is({kIQ1_S, kIQ1_M, kIQ2_XXS, kIQ2_XS});
  if (role == kOutput || (subject.tied_output && role == kTokenEmbedding)) {
    return small || a.is({kIQ3_XXS}) ? Format::kQ5_K : Format::kQ6_K;
  }
  if (role == kTokenEmbedding) {
    if (fat || a.is({kIQ3_XXS})) return Format::kIQ3_S;
    return small ? Format::kQ2_K : a.is({kTQ1_0, kTQ2_0, kQ2_0}) ? Format::kQ4_K : row.base;
  }
  if (small) return smallest(a, fat);
  if (const auto format = of_eight_experts(a)) return *format;
  switch (role) {
    case kValue:
      return value_format(a);
    case kFfnDown:
      return down_format(a);
    case kAttentionOutput:
      return attention_output_format(a);
    case kQuery:
    case kKey:
      return a.is({kIQ3_XS}) ? Format::kIQ3_XXS : a.is({kIQ3_XXS}) ? Format::kIQ2_S : row.base;
    default: {  // gate and up
      const bool middle = layer >= subject.layers / 8 && layer < 7 * subject.layers / 8;
      return a.is({kIQ3_XS}) && middle ? Format::kIQ3_XXS : row.base;
    }
  }
}

std::string mix_name(std::string_view mix) { return find_mix(mix).name; }

std::vector<std::string> mix_names() {
  std::vector<std::string> names;
  for (const MixRow& row : kMixes) names.push_back(row.name);
  return names;
}

}  // namespace vivace
