// Weights and activations for tests of operations, ordinary and extreme, for every format.
#pragma once

#include <cmath>

#include "gpu_check/op_rig.h"

namespace vivace::gpu_check {

/// A weight in the file's order with its decoded values.
struct SampleWeight {
  const FormatRow* format = nullptr;
  int64_t rows = 0, columns = 0;
  std::vector<uint8_t> bytes;  // [rows, row_bytes]
  Values values;               // [rows, columns]
};

enum class BlockKind { kOrdinary, kExtreme, kTiny, kZero };

/// The largest |value| of a block, or NaN when one is not finite.
inline float block_peak(const FormatRow& format, const std::vector<uint8_t>& block) {
  Values values(format.block_columns);
  format.decode(block.data(), values.data(), 1);
  float peak = 0;
  for (float value : values) peak = std::isfinite(value) ? std::max(peak, std::fabs(value)) : NAN;
  return peak;
}

/// Where the f16 scales of a block lie. Formats without a row keep their scales otherwise.
struct ScaleOffsets {
  Format format;
  int32_t first, second = -1;
};
constexpr ScaleOffsets kScaleOffsets[] = {
    {Format::kQ4_0, 0},      {Format::kQ4_1, 0, 2}, {Format::kQ5_0, 0},    {Format::kQ5_1, 0, 2}, {Format::kQ8_0, 0},
    {Format::kQ2_K, 80, 82}, {Format::kQ3_K, 108},  {Format::kQ4_K, 0, 2}, {Format::kQ5_K, 0, 2}, {Format::kQ6_K, 208},
    {Format::kIQ2_XXS, 0},   {Format::kIQ2_XS, 0},  {Format::kIQ3_XXS, 0}, {Format::kIQ1_S, 0},   {Format::kIQ4_NL, 0},
    {Format::kIQ3_S, 0},     {Format::kIQ2_S, 0},   {Format::kIQ4_XS, 0},  {Format::kTQ1_0, 52},  {Format::kTQ2_0, 64},
    {Format::kQ1_0, 0},      {Format::kQ2_0, 0},
};

/// A sane scale, either sign: 2^-11 to 2^-3, or subnormal where it shall be tiny.
inline uint16_t random_scale(Random& random, bool tiny) {
  const int32_t exponent = tiny ? 0 : 4 + random.below(8);
  return uint16_t(random.below(2) << 15 | exponent << 10 | random.below(1024));
}

/// A block of random bytes (`fill` < 0) or of one byte throughout, but for its scales. Where those have no f16 field,
/// a byte is taken over when the values stay sane: in (0, 0.001] for a tiny block, else in (0.01, 10].
inline std::vector<uint8_t> make_block(const FormatRow& format, Random& random, bool tiny, int32_t fill) {
  std::vector<uint8_t> block(format.block_bytes, uint8_t(fill));
  if (fill < 0) std::generate(block.begin(), block.end(), [&] { return random.byte(); });
  for (const ScaleOffsets& scales : kScaleOffsets) {
    if (scales.format != format.format) continue;
    for (int32_t offset : {scales.first, scales.second}) {
      const uint16_t scale = random_scale(random, tiny);
      if (offset >= 0) std::memcpy(&block[offset], &scale, sizeof(scale));
    }
    return block;
  }
  const auto sane = [&] {
    const float peak = block_peak(format, block);
    return tiny ? peak > 0 && peak <= 0.001f : peak > 0.01f && peak <= 10;
  };
  const std::vector<uint8_t> wanted = block;
  for (int attempt = 0; attempt < 2000 && !sane(); ++attempt) {
    for (uint8_t& byte : block) byte = random.byte();
  }
  for (size_t i = 0; fill >= 0 && i < block.size(); ++i) {
    const uint8_t before = block[i];
    block[i] = wanted[i];
    if (!sane()) block[i] = before;
  }
  // NVFP4 has no scale that small; its blocks are then ordinary.
  return std::isfinite(block_peak(format, block)) ? block : make_block(format, random, false, fill);
}

/// Some blocks of a kind. Extreme: all codes 0x80 (int8 -128), 0xFF, 0x7F, 0x88 or 0. Tiny: subnormal scales. Zero: all
/// bytes zero.
inline std::vector<std::vector<uint8_t>> block_samples(const FormatRow& format, BlockKind kind, int count,
                                                       Random& random) {
  constexpr uint8_t kPatterns[] = {0x80, 0xFF, 0x7F, 0x88, 0x00};
  std::vector<std::vector<uint8_t>> samples;
  for (int i = 0; i < count; ++i) {
    if (kind == BlockKind::kZero) {
      samples.emplace_back(format.block_bytes);
    } else {
      const int32_t fill = kind == BlockKind::kExtreme ? kPatterns[i % std::size(kPatterns)] : -1;
      samples.push_back(make_block(format, random, kind == BlockKind::kTiny, fill));
    }
  }
  return samples;
}

/// A weight of ordinary blocks, every fourth block extreme, tiny or zero.
inline SampleWeight sample_weight(const FormatRow& format, int64_t rows, int64_t columns, Random& random) {
  std::vector<std::vector<uint8_t>> ordinary = block_samples(format, BlockKind::kOrdinary, 24, random);
  std::vector<std::vector<uint8_t>> odd = block_samples(format, BlockKind::kExtreme, 10, random);
  for (BlockKind kind : {BlockKind::kTiny, BlockKind::kZero}) {
    for (std::vector<uint8_t>& block : block_samples(format, kind, 3, random)) odd.push_back(std::move(block));
  }
  SampleWeight weight{&format, rows, columns, {}, Values(rows * columns)};
  const int64_t blocks = rows * columns / format.block_columns;
  for (int64_t b = 0; b < blocks; ++b) {
    const std::vector<std::vector<uint8_t>>& from = random.below(4) == 0 ? odd : ordinary;
    const std::vector<uint8_t>& block = from[random.below(int32_t(from.size()))];
    weight.bytes.insert(weight.bytes.end(), block.begin(), block.end());
  }
  format.decode(weight.bytes.data(), weight.values.data(), blocks);
  return weight;
}

/// Inputs [tokens, columns]; the kind goes round: ordinary, one value 1000 times the others, all zero, so small that
/// the reciprocal of a scale is infinite, one block of zeros among others.
inline Values sample_inputs(int32_t tokens, int32_t columns, Random& random) {
  Values inputs = random.normal(size_t(tokens) * columns);
  for (int32_t t = 0; t < tokens; ++t) {
    float* row = inputs.data() + size_t(t) * columns;
    switch (t % 5) {
      case 1:
        row[random.below(columns)] = 1000;
        break;
      case 2:
        std::fill_n(row, columns, 0.0f);
        break;
      case 3:
        std::for_each(row, row + columns, [](float& value) { value *= 1e-40f; });
        break;
      case 4:
        std::fill_n(row, std::min(columns, 32), 0.0f);
        break;
      default:
        break;
    }
  }
  return inputs;
}

/// Columns of an input that share a scale when it is quantised to int8 for this format.
inline int32_t scale_group(const FormatRow& format) { return format.block_columns == 256 ? 256 : 32; }

/// How far an output may be off: half an int8 step of the input in each scale group for weights in blocks, rounding to
/// the weight's own type for the 16-bit floats, and a little float noise.
inline double matmul_bound(const FormatRow& format, bool prepared, const float* weight, const float* input,
                           int32_t columns) {
  double magnitude = 0;
  for (int32_t c = 0; c < columns; ++c) magnitude += std::fabs(double(weight[c]) * input[c]);
  double bound = 1e-5 * magnitude + 1e-30;
  if (!prepared || format.format == Format::kF32) return bound;
  // Prepared floats are BF16, and F16 weights are rounded to it as well.
  if (format.block_columns == 1) return bound + magnitude / (format.format == Format::kF16 ? 127 : 256);
  for (int32_t begin = 0; begin < columns; begin += scale_group(format)) {
    const int32_t end = std::min(columns, begin + scale_group(format));
    double peak = 0, weights = 0;
    for (int32_t c = begin; c < end; ++c) {
      peak = std::max(peak, std::fabs(double(input[c])));
      weights += std::fabs(double(weight[c]));
    }
    // The reciprocal of the step is rounded too, and minimums are summed apart from the codes: a hundredth for both.
    bound += 1.01 * peak / 127 / 2 * weights;
  }
  return bound;
}

inline std::vector<Layout> layouts_of(Format format) {
  if (has_panel16(format)) return {Layout::kRows, Layout::kPanel16};
  return {Layout::kRows};
}

}  // namespace vivace::gpu_check
