// What the encoders share: safe rounding, and small least-squares searches for the scale of a group of values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/formats/codebooks.h"
#include "quant/half.h"

namespace vivace {

/// A group whose largest magnitude is below this is encoded as zero: every stored scale would underflow.
inline constexpr float kFitTiny = 1e-20f;

/// Rounds to the nearest integer (ties to even) within [low, high]; NaN gives 0, or the bound nearest to it.
inline int round_clamped(float value, int low, int high) {
  if (value >= static_cast<float>(high)) return high;
  if (value > static_cast<float>(low)) return static_cast<int>(std::lrint(value));
  return value == value ? low : std::clamp(0, low, high);
}

/// Truncates within [low, high]: the rule of the 32-column formats, which add their half before.
inline int truncate_clamped(float value, int low, int high) {
  if (value >= static_cast<float>(high)) return high;
  if (value > static_cast<float>(low)) return static_cast<int>(value);
  return low;
}

inline float inverse_or_zero(float scale) { return scale != 0.0f ? 1.0f / scale : 0.0f; }

/// A scale as f16, kept finite.
inline uint16_t scale_to_f16(float scale) { return f32_to_f16(std::clamp(scale, -65504.0f, 65504.0f)); }

/// The value of largest magnitude, with its sign; the first of equals.
inline float extreme_of(const float* values, int count) {
  float extreme = 0.0f;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  }
  return extreme;
}

/// Running sums of the one-parameter least-squares problem x ~ scale * code.
struct ScaleSums {
  double xq = 0, qq = 0;

  void add(float x, int code) {
    xq += static_cast<double>(x) * code;
    qq += static_cast<double>(code) * code;
  }
  double gain() const { return qq > 0 ? xq * xq / qq : 0; }
  float scale() const { return qq > 0 ? static_cast<float>(xq / qq) : 0.0f; }
};

/// Searches the scale of x ~ scale * code with integer codes low..high (low < 0 < high). The extreme goes near the
/// longer side; 19 slopes around it are tried.
inline float fit_scale(const float* values, int count, int low, int high) {
  const float extreme = extreme_of(values, count);
  if (std::fabs(extreme) < kFitTiny) return 0.0f;
  const int longer = -low > high ? low : high;
  ScaleSums best;
  for (int step = -9; step <= 9; ++step) {
    const float inverse = (static_cast<float>(longer) + 0.1f * static_cast<float>(step)) / extreme;
    ScaleSums sums;
    for (int i = 0; i < count; ++i) sums.add(values[i], round_clamped(inverse * values[i], low, high));
    if (sums.gain() > best.gain()) best = sums;
  }
  return best.scale();
}

/// The code of the 16-entry codebook nearest to a value; the first of equals.
inline int nearest_code(const int8_t codebook[16], float value) {
  int best = 0;
  float error = std::fabs(value - static_cast<float>(codebook[0]));
  for (int code = 1; code < 16; ++code) {
    const float candidate = std::fabs(value - static_cast<float>(codebook[code]));
    if (candidate < error) error = candidate, best = code;
  }
  return best;
}

/// Searches the scale of x ~ scale * kIq4Values[code].
inline float fit_iq4_scale(const float* values, int count) {
  const float extreme = extreme_of(values, count);
  if (std::fabs(extreme) < kFitTiny) return 0.0f;
  ScaleSums best;
  for (int step = -7; step <= 14; ++step) {
    const float inverse = (-127.0f + static_cast<float>(step)) / extreme;
    ScaleSums sums;
    for (int i = 0; i < count; ++i) sums.add(values[i], kIq4Values[nearest_code(kIq4Values, inverse * values[i])]);
    if (sums.gain() > best.gain()) best = sums;
  }
  return best.scale();
}

struct AffineFit {
  float scale = 0;
  float min = 0;  // >= 0, subtracted
};

/// Searches x ~ scale * code - min, codes 0..high, min >= 0.
inline AffineFit fit_affine(const float* values, int count, int high) {
  double x_sum = 0;
  float lowest = 0, highest = values[0];
  for (int i = 0; i < count; ++i) {
    x_sum += values[i];
    lowest = std::min(lowest, values[i]);
    highest = std::max(highest, values[i]);
  }
  if (!(highest / 2 - lowest / 2 >= kFitTiny)) return {0, -lowest};
  AffineFit best;
  double best_error = 0;
  for (int step = -8; step <= 12; ++step) {
    // Halved, so that the distance of two finite floats is finite.
    const float inverse = (static_cast<float>(high) + 0.1f * static_cast<float>(step)) / (highest / 2 - lowest / 2);
    double q_sum = 0, qq = 0, xq = 0;
    for (int i = 0; i < count; ++i) {
      const int code = round_clamped(inverse * (values[i] / 2 - lowest / 2), 0, high);
      q_sum += code;
      qq += static_cast<double>(code) * code;
      xq += static_cast<double>(values[i]) * code;
    }
    if (qq == 0) continue;
    const double determinant = count * qq - q_sum * q_sum;
    double scale = xq / qq, offset = 0;
    if (determinant > 0) {
      const double free_offset = (qq * x_sum - q_sum * xq) / determinant;
      if (free_offset < 0) offset = free_offset, scale = (count * xq - x_sum * q_sum) / determinant;
    }
    // The part of the squared error that depends on the choice.
    const double error =
        scale * scale * qq + count * offset * offset - 2 * scale * xq - 2 * offset * x_sum + 2 * scale * offset * q_sum;
    if (scale > 0 && error < best_error) {
      best_error = error;
      best = {static_cast<float>(scale), static_cast<float>(-offset)};
    }
  }
  return best;
}

/// Quantised scales of a 256-column block with kGroups groups, in units of one f16.
template <int kGroups>
struct GroupScales {
  uint16_t unit = 0;  // f16
  int8_t scales[kGroups] = {};
};

/// Signed scales as units * scale with scale in [low, high]; the extreme goes to `low`.
template <int kGroups>
GroupScales<kGroups> quantize_scales(const float (&scales)[kGroups], int low, int high) {
  GroupScales<kGroups> result;
  const float extreme = extreme_of(scales, kGroups);
  if (std::fabs(extreme) < kFitTiny) return result;
  result.unit = scale_to_f16(extreme / static_cast<float>(low));
  // By the unit as stored: a subnormal f16 is coarse.
  const float inverse = inverse_or_zero(f16_to_f32(result.unit));
  for (int i = 0; i < kGroups; ++i) {
    result.scales[i] = static_cast<int8_t>(round_clamped(inverse * scales[i], low, high));
  }
  return result;
}

/// A 256-column block as unsigned codes with scale and minimum per group: Q2_K, Q4_K, Q5_K.
template <int kGroups>
struct AffineBlock {
  uint16_t d = 0, dmin = 0;  // f16
  uint8_t scales[kGroups] = {};
  uint8_t mins[kGroups] = {};
  uint8_t codes[256] = {};
};

template <int kGroups>
AffineBlock<kGroups> fit_affine_block(const float* values, int high_code, int high_scale) {
  constexpr int kWidth = 256 / kGroups;
  AffineBlock<kGroups> block;
  AffineFit fits[kGroups];
  float max_scale = 0, max_min = 0;
  for (int g = 0; g < kGroups; ++g) {
    fits[g] = fit_affine(values + g * kWidth, kWidth, high_code);
    max_scale = std::max(max_scale, fits[g].scale);
    max_min = std::max(max_min, fits[g].min);
  }
  const float units = static_cast<float>(high_scale);
  block.d = scale_to_f16(max_scale / units);
  block.dmin = scale_to_f16(max_min / units);
  const float scale_inverse = inverse_or_zero(f16_to_f32(block.d));
  const float min_inverse = inverse_or_zero(f16_to_f32(block.dmin));
  for (int g = 0; g < kGroups; ++g) {
    block.scales[g] = static_cast<uint8_t>(round_clamped(scale_inverse * fits[g].scale, 0, high_scale));
    block.mins[g] = static_cast<uint8_t>(round_clamped(min_inverse * fits[g].min, 0, high_scale));
    const float scale = f16_to_f32(block.d) * static_cast<float>(block.scales[g]);
    const float min = f16_to_f32(block.dmin) * static_cast<float>(block.mins[g]);
    const float inverse = inverse_or_zero(scale);
    for (int i = g * kWidth; i < (g + 1) * kWidth; ++i) {
      block.codes[i] = static_cast<uint8_t>(round_clamped((values[i] + min) * inverse, 0, high_code));
    }
  }
  return block;
}

}  // namespace vivace
