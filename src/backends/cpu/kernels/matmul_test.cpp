// Every format x layout x instruction set of this machine against decoded weights, and the invariance of the bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/kernels/matmul_test_rig.h"
#include "backends/cpu/tested_isas.h"

namespace vivace {
namespace {

/// To BF16, to nearest even.
float rounded_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u);
}

/// What a prepared form makes of a row. Codes are multiples of the block's largest magnitude / 127, to nearest even.
std::vector<float> quantised(const float* row, int64_t columns, uint32_t kind) {
  std::vector<float> values(row, row + columns);
  if (kind == kBf16Pairs) std::transform(values.begin(), values.end(), values.begin(), rounded_bf16);
  const int64_t block = kind == kInt8Block32 ? 32 : kind == kInt8Block256 ? 256 : 0;
  for (int64_t at = 0; block != 0 && at < columns; at += block) {
    float largest = 0;
    for (int64_t k = 0; k < block; ++k) largest = std::max(largest, std::fabs(row[at + k]));
    for (int64_t k = 0; k < block; ++k) {
      const float code = largest == 0 ? 0 : std::nearbyint(row[at + k] * (127.0f / largest));
      EXPECT_LE(std::fabs(code), 127.0f);
      values[static_cast<size_t>(at + k)] = code * (largest / 127.0f);
    }
  }
  return values;
}

void expect_close(const TestWeight& weight, const std::vector<float>& values, int32_t tokens, uint32_t kind,
                  const std::vector<float>& bias, const std::vector<float>& got) {
  for (int32_t t = 0; t < tokens; ++t) {
    const std::vector<float> x = quantised(values.data() + t * weight.columns, weight.columns, kind);
    for (int64_t r = 0; r < weight.rows; ++r) {
      // The form that multiplies BF16 makes BF16 of the weight too.
      const std::vector<float> w =
          quantised(weight.decoded.data() + r * weight.columns, weight.columns, kind & kBf16Pairs);
      double sum = bias[static_cast<size_t>(r)], size = std::fabs(sum);
      for (int64_t k = 0; k < weight.columns; ++k) {
        const double product =
            static_cast<double>(w[static_cast<size_t>(k)]) * static_cast<double>(x[static_cast<size_t>(k)]);
        sum += product;
        size += std::fabs(product);
      }
      // Exact but for f32 rounding; the min of a block may be larger than its values by the range of a code.
      ASSERT_NEAR(got[static_cast<size_t>(t * weight.rows + r)], sum, size * 2e-5 + 1e-30)
          << weight.format->name << " row " << r << " token " << t;
    }
  }
}

class MatmulKernels : public testing::TestWithParam<size_t> {
 protected:
  const FormatRow& format() const { return formats()[GetParam()]; }
  std::vector<Layout> layouts() const {
    std::vector<Layout> all = {Layout::kRows};
    if (has_panel16(format().format)) all.push_back(Layout::kPanel16);
    return all;
  }
};

TEST_P(MatmulKernels, AgreeWithDecodedWeights) {
  struct Case {
    int64_t rows, columns;
    int32_t tokens;
  };
  const int64_t block = std::max<int64_t>(format().block_columns, 32);
  std::vector<Case> cases = {{1, block, 1}, {15, block, 2}, {16, 2 * block, 5}, {17, 2 * block, 512}, {389, block, 3}};
  for (int32_t tokens = 1; tokens <= 17; ++tokens) cases.push_back({33, 3 * block, tokens});
  for (int32_t tokens : {31, 33}) cases.push_back({49, block, tokens});
  if (format().block_columns <= 32) {
    cases.push_back({17, 576, 9});
    cases.push_back({16, 640, 13});
  }
  if (format().block_columns == 1) {
    cases.push_back({17, 1, 3});
    cases.push_back({35, 77, 7});
  }
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  for (Layout layout : layouts()) {
    for (const Case& shape : cases) {
      const TestWeight weight(format(), layout, shape.rows, shape.columns, random);
      const std::vector<float> values = random_activations(shape.tokens, shape.columns, random);
      const std::vector<float> bias = random_activations(1, shape.rows, random);
      for (const std::string& isa : tested_isas()) {
        SCOPED_TRACE(isa + " rows " + std::to_string(shape.rows) + " columns " + std::to_string(shape.columns) +
                     " tokens " + std::to_string(shape.tokens));
        const KernelTable& table = kernel_table(isa);
        const auto got = multiply(table, weight, values, 0, shape.tokens, weight.rows, bias.data());
        expect_close(weight, values, shape.tokens, matmul_row(table, format().format, layout).prepared_kind, bias, got);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(MatmulKernels, BitsDoNotDependOnTokensOrChunks) {
  const int32_t tokens = 33;
  const int64_t rows = 77, columns = std::max<int64_t>(2 * format().block_columns, 96);
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  for (Layout layout : layouts()) {
    const TestWeight weight(format(), layout, rows, columns, random);
    const std::vector<float> values = random_activations(tokens, columns, random);
    for (const std::string& isa : tested_isas()) {
      const KernelTable& table = kernel_table(isa);
      const auto all = multiply(table, weight, values, 0, tokens, rows, nullptr);
      for (int32_t count = 1; count <= tokens; ++count) {
        const int32_t first = static_cast<int32_t>(random() % static_cast<uint32_t>(tokens - count + 1));
        const int64_t chunk = 16 * (1 + static_cast<int64_t>(random() % 5));
        const auto part = multiply(table, weight, values, first, count, chunk, nullptr);
        ASSERT_EQ(std::memcmp(part.data(), all.data() + first * rows, part.size() * sizeof(float)), 0)
            << isa << " tokens " << count << " from " << first << " chunk " << chunk;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MatmulKernels, testing::Range<size_t>(0, formats().size()),
                         [](const auto& param) { return std::string(formats()[param.param].name); });

TEST(MatmulKernels, Int8SetsAgreeOnIntegers) {
  // The sums of a 32-block are exact integers, so sets with a fused multiply-add give the same bits for these formats.
  std::mt19937 random(5);
  const std::vector<std::string> isas = tested_isas();
  for (Format format : {Format::kQ4_0, Format::kQ8_0, Format::kQ6_K, Format::kQ4_K}) {
    const TestWeight weight(format_row(format), Layout::kPanel16, 48, 512, random);
    const std::vector<float> values = random_activations(5, 512, random);
    std::vector<float> first;
    for (const std::string& isa : isas) {
      if (isa == "scalar") continue;
      if (isa == "avx512amx" && format_row(format).block_columns == 256) continue;  // exact blocks: another rounding
      const auto got = multiply(kernel_table(isa), weight, values, 0, 5, 48, nullptr);
      if (first.empty()) first = got;
      EXPECT_EQ(std::memcmp(first.data(), got.data(), got.size() * sizeof(float)), 0) << isa;
    }
  }
}

TEST(MatmulKernels, BlocksOfColumnsAndPartsOfTokensKeepTheBits) {
  // Beyond one block of columns and one part of tokens of every float kernel, the last pair of columns half empty.
  const int64_t rows = 83, columns = 701;
  const int32_t tokens = 530;
  std::mt19937 random(7);
  for (Format format : {Format::kF32, Format::kF16, Format::kBF16}) {
    const TestWeight weight(format_row(format), Layout::kPanel16, rows, columns, random);
    const std::vector<float> values = random_activations(tokens, columns, random);
    for (const std::string& isa : tested_isas()) {
      const auto all = multiply(kernel_table(isa), weight, values, 0, tokens, rows, nullptr);
      for (int32_t count : {1, 6, 7, 193, 517}) {
        const auto part = multiply(kernel_table(isa), weight, values, tokens - count, count, 32, nullptr);
        EXPECT_EQ(std::memcmp(part.data(), all.data() + (tokens - count) * rows, part.size() * sizeof(float)), 0)
            << isa << " " << weight.format->name << " tokens " << count;
      }
    }
  }
}

TEST(MatmulKernels, NotANumberIsNotHidden) {
  std::mt19937 random(6);
  for (Format format : {Format::kQ8_0, Format::kF16, Format::kBF16}) {
    const TestWeight weight(format_row(format), Layout::kPanel16, 16, 64, random);
    for (float bad : {NAN, INFINITY}) {
      std::vector<float> values(64, bad);
      for (const std::string& isa : tested_isas()) {
        const auto got = multiply(kernel_table(isa), weight, values, 0, 1, 16, nullptr);
        EXPECT_TRUE(std::isnan(got[3])) << isa << " " << weight.format->name;
      }
    }
  }
}

TEST(MatmulKernels, LeastAndLargestF16Weights) {
  const uint16_t bits[] = {0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFC00};  // two denormals, then the ends of the usual range
  const float expected[] = {0x1p-24f, -0x1.FF8p-15f, 0x1p-14f, 65504.0f, -INFINITY};
  for (size_t i = 0; i < std::size(bits); ++i) {
    std::mt19937 random(8);
    TestWeight weight(format_row(Format::kF16), Layout::kPanel16, 16, 2, random);
    std::memset(weight.bytes.data(), 0, weight.bytes.size());
    std::memcpy(weight.bytes.data(), &bits[i], sizeof(bits[i]));  // row 0, column 0
    const std::vector<float> values(24, 1.0f);
    for (const std::string& isa : tested_isas()) {
      for (int32_t tokens : {1, 12}) {
        const float got = multiply(kernel_table(isa), weight, values, 0, tokens, 16, nullptr)[0];
        if (std::isinf(expected[i])) {
          EXPECT_EQ(got, expected[i]) << isa;
        } else {
          EXPECT_NEAR(got, expected[i], std::fabs(expected[i]) * 0x1p-8f) << isa;
        }
      }
    }
  }
}

}  // namespace
}  // namespace vivace
