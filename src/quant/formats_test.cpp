// Every weight format: decode against the golden data and against checksums of our own, encode within error bounds.
#include "quant/formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/test_data.h"
#include "quant/formats/codebooks.h"
#include "quant/half.h"

namespace vivace {
namespace {

std::vector<uint8_t> random_bytes(size_t count, uint64_t seed) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    byte = static_cast<uint8_t>(seed >> 56);
  }
  return bytes;
}

std::vector<float> decode(const FormatRow& row, const std::vector<uint8_t>& data) {
  std::vector<float> values(data.size() / row.block_bytes * row.block_columns);
  row.decode(data.data(), values.data(), data.size() / row.block_bytes);
  return values;
}

std::vector<float> round_trip(const FormatRow& row, const std::vector<float>& values) {
  std::vector<uint8_t> data(row_bytes(row, values.size()));
  row.encode(values.data(), data.data(), values.size() / row.block_columns);
  return decode(row, data);
}

std::vector<float> gaussian(size_t count, float deviation) {
  std::mt19937 engine(7);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

/// Root mean square of the error over that of the values.
double relative_error(const std::vector<float>& values, const std::vector<float>& decoded) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(decoded[i]) - values[i], 2);
    norm += std::pow(static_cast<double>(values[i]), 2);
  }
  return std::sqrt(error / norm);
}

TEST(Formats, TableIsFoundByIdAndName) {
  EXPECT_EQ(formats().size(), 28u);
  for (const FormatRow& row : formats()) {
    EXPECT_EQ(find_format(static_cast<uint32_t>(row.format)), &row);
    EXPECT_EQ(find_format(std::string_view(row.name)), &row);
    EXPECT_EQ(&format_row(row.format), &row);
    EXPECT_NE(row.decode, nullptr) << row.name;
  }
  for (uint32_t unknown : {4u, 5u, 9u, 15u, 24u, 28u, 31u, 36u, 43u, 0xFFFFFFFFu}) {
    EXPECT_EQ(find_format(unknown), nullptr) << unknown;
  }
  EXPECT_EQ(find_format(std::string_view("Q4_K_M")), nullptr);
  EXPECT_EQ(row_bytes(format_row(Format::kQ4_K), 512), 288u);
}

// Decoded random blocks, NaN made uniform, as FNV-1a: made when the same code agreed with the golden data.
const std::map<std::string, uint64_t>& checksums() {
  static const std::map<std::string, uint64_t> kChecksums = {
      {"F32", 0xfb5c98e2be690afdull},     {"F16", 0x733b3a322960facbull},    {"Q4_0", 0xe7a4c39a56ab3149ull},
      {"Q4_1", 0x2274c0bbeeee0052ull},    {"Q5_0", 0x699519684b253b2full},   {"Q5_1", 0x98daf63e37edacdfull},
      {"Q8_0", 0xeeaaf6292fd768f7ull},    {"Q2_K", 0xb1a7f4e207869efaull},   {"Q3_K", 0xbaf6c0524af8b3a7ull},
      {"Q4_K", 0x8716b190eef6555ull},     {"Q5_K", 0x12e9933ee3035dc4ull},   {"Q6_K", 0xe75562e7a829b612ull},
      {"IQ2_XXS", 0x24e3e7b302e92bc9ull}, {"IQ2_XS", 0x7c6dff660655780ull},  {"IQ3_XXS", 0xa9e57f38986faf2ull},
      {"IQ1_S", 0x18608a7f67be9fe9ull},   {"IQ4_NL", 0x8ea923a8e457d39aull}, {"IQ3_S", 0x782df3042bc56eceull},
      {"IQ2_S", 0xef26c30aaecd91afull},   {"IQ4_XS", 0x6fd208ec0da541eeull}, {"IQ1_M", 0x6453551569fd8327ull},
      {"BF16", 0xaab284c950c992bbull},    {"TQ1_0", 0x98aa9b423afeca84ull},  {"TQ2_0", 0xa03f75f451ab4e25ull},
      {"MXFP4", 0x1ceac5d24992523aull},   {"NVFP4", 0x197c1bc3e376be1cull},  {"Q1_0", 0x948eeea8b85ebb25ull},
      {"Q2_0", 0x96e55cee19a54270ull},
  };
  return kChecksums;
}

TEST(Formats, DecodeKeepsItsChecksums) {
  for (const FormatRow& row : formats()) {
    uint64_t hash = 0xCBF29CE484222325ull;
    for (float value : decode(row, random_bytes(64 * row.block_bytes, 1))) {
      const uint32_t bits = std::isnan(value) ? 0x7FC00000u : std::bit_cast<uint32_t>(value);
      for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ ((bits >> shift) & 255)) * 0x100000001B3ull;
    }
    const auto expected = checksums().find(row.name);
    EXPECT_EQ(hash, expected == checksums().end() ? 0 : expected->second)
        << "{\"" << row.name << "\", 0x" << std::hex << hash << "ull},";
  }
}

TEST(Formats, DecodeByHand) {
  const FormatRow& q4_0 = format_row(Format::kQ4_0);
  std::vector<uint8_t> block(18, 0x88);
  block[0] = 0x00, block[1] = 0x38;  // 0.5
  block[2] = 0xF0, block[17] = 0x1A;
  std::vector<float> values = decode(q4_0, block);
  EXPECT_EQ(values[0], -4.0f);
  EXPECT_EQ(values[16], 3.5f);
  EXPECT_EQ(values[15], 1.0f);
  EXPECT_EQ(values[31], -3.5f);
  EXPECT_EQ(values[1], 0.0f);

  std::vector<uint8_t> mx(17, 0x7F);  // codes 15 (-6) below, 7 (6) above, scale 1
  values = decode(format_row(Format::kMXFP4), mx);
  EXPECT_EQ(values[0], -6.0f);
  EXPECT_EQ(values[16], 6.0f);

  std::vector<uint8_t> one(18, 0x01);
  one[0] = 0x00, one[1] = 0xBC;  // -1
  values = decode(format_row(Format::kQ1_0), one);
  EXPECT_EQ(values[0], -1.0f);
  EXPECT_EQ(values[1], 1.0f);
}

TEST(Formats, HostileBlocksDecode) {
  for (const FormatRow& row : formats()) {
    for (int fill : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      const std::vector<float> values =
          decode(row, std::vector<uint8_t>(3 * row.block_bytes, static_cast<uint8_t>(fill)));
      if (fill != 0) continue;
      for (float value : values) ASSERT_EQ(value, 0.0f) << row.name;
    }
    // Every scale a subnormal f16 where the two bytes happen to be one.
    std::vector<uint8_t> small(2 * row.block_bytes, 0x00);
    for (size_t i = 0; i < small.size(); i += 2) small[i] = 0x01;
    for (float value : decode(row, small)) ASSERT_TRUE(std::isfinite(value)) << row.name;
  }
}

TEST(Formats, ZerosEncodeToZeros) {
  for (const FormatRow& row : formats()) {
    if (row.encode == nullptr) continue;
    for (float value : round_trip(row, std::vector<float>(2 * row.block_columns, 0.0f)))
      ASSERT_EQ(value, 0.0f) << row.name;
  }
}

TEST(Formats, ExtremeFiniteValuesEncodeToNumbers) {
  const float huge = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  for (const FormatRow& row : formats()) {
    if (row.encode == nullptr) continue;
    for (const std::vector<float>& pattern : {std::vector<float>{huge, -huge},
                                              {huge},
                                              {-huge},
                                              {tiny},
                                              {-tiny, tiny},
                                              {0.0f, tiny, huge, -1.0f},
                                              {65504.0f, -65505.0f},
                                              {1e-8f, -3e-8f}}) {
      std::vector<float> values(2 * row.block_columns);
      for (size_t i = 0; i < values.size(); ++i) values[i] = pattern[i % pattern.size()];
      for (float value : round_trip(row, values)) ASSERT_FALSE(std::isnan(value)) << row.name;
    }
  }
}

TEST(Formats, ConstantAndOneSidedBlocksStayClose) {
  for (const char* name :
       {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"}) {
    const FormatRow& row = *find_format(std::string_view(name));
    for (float value : {0.75f, -0.75f, 0.05f, -100.0f}) {
      const std::vector<float> values(2 * row.block_columns, value);
      EXPECT_LT(relative_error(values, round_trip(row, values)), 0.01) << name << " " << value;
    }
    std::vector<float> positive = gaussian(16 * row.block_columns, 0.1f);
    for (float& value : positive) value = std::fabs(value) + 0.05f;
    EXPECT_LT(relative_error(positive, round_trip(row, positive)), 0.18) << name;
  }
}

TEST(Formats, GaussianRoundTripErrors) {
  const std::map<std::string, double> bounds = {
      {"F32", 0},        {"F16", 3e-4},   {"BF16", 2.5e-3}, {"Q8_0", 0.0065}, {"Q6_K", 0.021}, {"Q5_K", 0.041},
      {"Q5_1", 0.045},   {"Q5_0", 0.046}, {"Q4_K", 0.082},  {"Q4_1", 0.092},  {"Q4_0", 0.1},   {"IQ4_NL", 0.085},
      {"IQ4_XS", 0.085}, {"MXFP4", 0.14}, {"NVFP4", 0.12},  {"Q3_K", 0.17},   {"Q2_K", 0.33},  {"Q2_0", 0.5},
      {"Q1_0", 0.62},    {"TQ1_0", 1.0},  {"TQ2_0", 1.0}};
  for (const FormatRow& row : formats()) {
    const auto bound = bounds.find(row.name);
    ASSERT_EQ(bound != bounds.end(), row.encode != nullptr) << row.name;
    if (row.encode == nullptr) continue;
    for (float deviation : {0.02f, 3.0f}) {
      const std::vector<float> values = gaussian(16384, deviation);
      EXPECT_LE(relative_error(values, round_trip(row, values)), bound->second) << row.name;
    }
  }
}

TEST(Formats, TernaryValuesAreExact) {
  std::vector<float> values(512);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int>(i * i * 31 / 7 % 3) - 1) * 0.25f;
  for (Format format : {Format::kTQ1_0, Format::kTQ2_0}) EXPECT_EQ(round_trip(format_row(format), values), values);
}

TEST(Formats, E4m3CodesRoundTripAndRoundToNearest) {
  for (int code = 0; code < 0x7F; ++code) {
    const float scale = 2 * ue4m3_half(static_cast<uint8_t>(code));
    EXPECT_EQ(ue4m3_nearest(scale), code);
    if (code == 0x7E) break;
    const float next = 2 * ue4m3_half(static_cast<uint8_t>(code + 1));
    EXPECT_EQ(ue4m3_nearest(scale + (next - scale) * 0.4f), code);
    EXPECT_EQ(ue4m3_nearest(scale + (next - scale) * 0.6f), code + 1);
  }
  EXPECT_EQ(ue4m3_nearest(1e9f), 0x7E);
  EXPECT_EQ(ue4m3_nearest(-1.0f), 0);
}

struct GoldenCase {
  const FormatRow* row;
  std::filesystem::path blocks;
};

void PrintTo(const GoldenCase& golden, std::ostream* out) { *out << golden.row->name; }

std::vector<GoldenCase> golden_cases() {
  std::vector<GoldenCase> cases;
  const auto folder = conformance_path("quants", "weight formats against golden data");
  if (!folder) return cases;
  for (const FormatRow& row : formats()) {
    const std::filesystem::path blocks = *folder / (std::string(row.name) + ".blocks");
    if (std::filesystem::exists(blocks)) cases.push_back({&row, blocks});
  }
  return cases;
}

std::vector<uint8_t> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {});
}

class GoldenFormats : public testing::TestWithParam<GoldenCase> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenFormats);

TEST_P(GoldenFormats, DecodesBitExactly) {
  const GoldenCase& golden = GetParam();
  const std::vector<uint8_t> data = read_bytes(golden.blocks);
  const std::vector<uint8_t> expected = read_bytes(std::filesystem::path(golden.blocks).replace_extension(".f32"));
  ASSERT_FALSE(data.empty());
  const std::vector<float> values = decode(*golden.row, data);
  ASSERT_EQ(expected.size(), values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, expected.data() + 4 * i, 4);
    ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), bits) << "value " << i << " is " << values[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Quants, GoldenFormats, testing::ValuesIn(golden_cases()),
                         [](const auto& golden) { return std::string(golden.param.row->name); });

}  // namespace
}  // namespace vivace
