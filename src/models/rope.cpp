// Frequencies of the rotary embeddings, with the context extensions that files ask for.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "models/model_card.h"

namespace vivace {
namespace {

/// The pair index at which a wavelength makes `rotations` turns over the original context (YaRN, eq. 17).
double yarn_correction_dim(const RopeCard& rope, double rotations) {
  return rope.rotary_dim * std::log(rope.original_context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(double(rope.base)));
}

/// Share of interpolation (1) against extrapolation (0) of pair i.
double yarn_ramp(const RopeCard& rope, int32_t i) {
  const double low = std::max(0.0, std::floor(yarn_correction_dim(rope, rope.beta_fast)));
  const double high = std::min(rope.rotary_dim - 1.0, std::ceil(yarn_correction_dim(rope, rope.beta_slow)));
  return std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
}

}  // namespace

std::vector<float> rope_frequencies(const RopeCard& rope, const std::vector<float>& factors) {
  const int32_t pairs = rope.rotary_dim / 2;
  if (rope.uses_factor_tensor && int32_t(factors.size()) != pairs) {
    throw Error(ErrorCode::kInvalidFile, "the rope factor tensor has " + std::to_string(factors.size()) +
                                             " values, the rotary dimension needs " + std::to_string(pairs));
  }
  std::vector<float> frequencies(pairs);
  for (int32_t i = 0; i < pairs; ++i) {
    double frequency = std::pow(double(rope.base), -2.0 * i / rope.rotary_dim);
    if (rope.uses_factor_tensor) frequency /= factors[i];
    if (rope.scaling == RopeScaling::kLinear) frequency /= rope.factor;
    if (rope.scaling == RopeScaling::kYarn) {
      const double ramp = yarn_ramp(rope, i);
      frequency = frequency / rope.factor * ramp + frequency * (1 - ramp);
    }
    frequencies[i] = float(frequency);
  }
  return frequencies;
}

float rope_magnitude(const RopeCard& rope) {
  if (rope.scaling == RopeScaling::kYarn && rope.factor > 1) {
    return rope.attention_factor * float(1 + 0.1 * std::log(double(rope.factor)));
  }
  return rope.attention_factor;
}

}  // namespace vivace
