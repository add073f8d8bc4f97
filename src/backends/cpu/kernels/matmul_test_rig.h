// For tests only: weights and activations of random values, and a multiplication through a table.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backends/cpu/detect.h"

namespace vivace {

/// Blocks of random bits that decode to finite values: mostly of a usual size, some of any size below 100, some zero.
inline std::vector<uint8_t> random_weights(const FormatRow& format, int64_t rows, int64_t columns,
                                           std::mt19937& random) {
  std::vector<uint8_t> bytes(static_cast<size_t>(rows) * row_bytes(format, static_cast<size_t>(columns)));
  std::vector<float> values(format.block_columns);
  for (size_t at = 0; at < bytes.size(); at += format.block_bytes) {
    uint8_t* block = bytes.data() + at;
    const uint32_t kind = random() % 32;
    if (kind == 0) continue;  // zero bits
    const float least = kind == 1 ? 0.0f : 0.01f, most = kind == 1 ? 100.0f : 4.0f;
    for (int attempt = 0; attempt < 3000; ++attempt) {
      for (uint32_t i = 0; i < format.block_bytes; ++i) block[i] = static_cast<uint8_t>(random());
      format.decode(block, values.data(), 1);
      float largest = 0;
      bool finite = true;
      for (float value : values) {
        finite = finite && std::isfinite(value);
        largest = std::max(largest, std::fabs(value));
      }
      if (finite && largest >= least && largest <= most) break;
      std::memset(block, 0, format.block_bytes);
    }
  }
  return bytes;
}

inline std::vector<float> random_activations(int64_t tokens, int64_t columns, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(tokens * columns));
  for (float& value : values) {
    value = normal(random);
    if (random() % 100 == 0) value *= 40.0f;  // outliers
  }
  for (int64_t k = 0; k < std::min<int64_t>(columns, 32); ++k) values[static_cast<size_t>(k)] *= 0.0f;
  return values;
}

/// A weight in one layout with what it decodes to.
struct TestWeight {
  const FormatRow* format;
  Layout layout;
  int64_t rows, columns;
  std::vector<uint8_t> bytes;
  std::vector<float> decoded;  // [rows, columns]

  TestWeight(const FormatRow& row, Layout where, int64_t n, int64_t k, std::mt19937& random)
      : format(&row), layout(where), rows(n), columns(k), decoded(static_cast<size_t>(n * k)) {
    const std::vector<uint8_t> file = random_weights(row, n, k, random);
    const size_t stride = row_bytes(row, static_cast<size_t>(k));
    row.decode(file.data(), decoded.data(), decoded.size() / row.block_columns);
    bytes = file;
    if (layout == Layout::kPanel16) {
      bytes.assign(weight_bytes(row, layout, static_cast<size_t>(n), static_cast<size_t>(k)), 0);
      const size_t panel = weight_bytes(row, layout, 16, static_cast<size_t>(k));
      for (int64_t first = 0; first < n; first += 16) {
        pack_panel16(row, file.data() + static_cast<size_t>(first) * stride,
                     static_cast<size_t>(std::min<int64_t>(16, n - first)), static_cast<size_t>(k),
                     bytes.data() + static_cast<size_t>(first / 16) * panel);
      }
    }
  }
};

/// Runs tokens [first, first + tokens) of the values in chunks of rows; outputs lie in a guarded array.
inline std::vector<float> multiply(const KernelTable& table, const TestWeight& weight, const std::vector<float>& values,
                                   int32_t first, int32_t tokens, int64_t chunk, const float* bias) {
  const MatmulRow& row = matmul_row(table, weight.format->format, weight.layout);
  const float* x = values.data() + first * weight.columns;
  const int32_t columns = static_cast<int32_t>(weight.columns);
  const uint32_t kinds = columns % 256 == 0 ? row.prepared_kind | kInt8Block32 : row.prepared_kind;
  std::vector<uint8_t> prepared(table.prepared_bytes(kinds, columns, tokens));
  table.prepare(kinds, x, columns, columns, 0, tokens / 2, tokens, prepared.data());
  table.prepare(kinds, x + tokens / 2 * columns, columns, columns, tokens / 2, tokens, tokens, prepared.data());
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  std::vector<Line> scratch(matmul_scratch_bytes(row, columns) / sizeof(Line));
  const int64_t stride = weight.rows + 3;
  std::vector<float> output(static_cast<size_t>(tokens * stride), -77.0f);
  for (int64_t begin = 0; begin < weight.rows; begin += chunk) {
    const MatmulCall call = {.format = weight.format,
                             .layout = weight.layout,
                             .weight = weight.bytes.data(),
                             .rows = weight.rows,
                             .columns = weight.columns,
                             .row_begin = begin,
                             .row_end = std::min(begin + chunk, weight.rows),
                             .tokens = tokens,
                             .prepared_kinds = kinds,
                             .prepared = row.prepared_kind ? prepared.data() : nullptr,
                             .values = row.prepared_kind ? nullptr : x,
                             .values_stride = columns,
                             .output = output.data(),
                             .output_stride = stride,
                             .bias = bias,
                             .scratch = scratch.empty() ? nullptr : scratch.front().bytes};
    row.run(call);
  }
  std::vector<float> dense;
  for (int32_t t = 0; t < tokens; ++t) {
    const float* from = output.data() + t * stride;
    dense.insert(dense.end(), from, from + weight.rows);
    for (int64_t r = weight.rows; r < stride; ++r) EXPECT_EQ(from[r], -77.0f) << "written beyond the last row";
  }
  return dense;
}

}  // namespace vivace
