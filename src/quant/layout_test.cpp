// Panels: pack and unpack are inverse for any bits, rows decode the same from both layouts, and the byte order is the
// one that README.md promises to the kernels.
#include "quant/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "quant/formats/codebooks.h"
#include "quant/formats/k_scales.h"
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

/// All panels of a weight, one after the other.
std::vector<uint8_t> pack(const FormatRow& row, const std::vector<uint8_t>& data, size_t rows, size_t columns) {
  std::vector<uint8_t> packed(weight_bytes(row, Layout::kPanel16, rows, columns), 0xCD);
  const size_t panel_bytes = weight_bytes(row, Layout::kPanel16, kPanelRows, columns);
  for (size_t first = 0; first < rows; first += kPanelRows) {
    pack_panel16(row, data.data() + first * row_bytes(row, columns), std::min(kPanelRows, rows - first), columns,
                 packed.data() + first / kPanelRows * panel_bytes);
  }
  return packed;
}

/// One block, 576 and 640 or the multiples of the block below and above them, and more than the decode buffer holds.
std::vector<size_t> awkward_columns(const FormatRow& row) {
  if (row.block_columns == 1) return {1, 2, 3, 31, 576, 640, 1025};
  const size_t block = row.block_columns;
  return {block, (576 + block - 1) / block * block, (640 + block - 1) / block * block, 7 * block, 11 * 256};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) return false;
  }
  return a.size() == b.size();
}

TEST(Layout, PanelIsABijectionOfTheRows) {
  for (const FormatRow& row : formats()) {
    if (!has_panel16(row.format)) continue;
    for (size_t rows : {1, 15, 16, 17}) {
      for (size_t columns : awkward_columns(row)) {
        const size_t row_size = row_bytes(row, columns);
        const std::vector<uint8_t> data = random_bytes(rows * row_size, rows * 1000 + columns);
        const std::vector<uint8_t> packed = pack(row, data, rows, columns);
        const size_t panel_bytes = weight_bytes(row, Layout::kPanel16, kPanelRows, columns);
        for (size_t r = 0; r < (rows + 15) / 16 * 16; ++r) {
          std::vector<uint8_t> unpacked(row_size, 0xCD);
          unpack_panel16_row(row, packed.data() + r / 16 * panel_bytes, columns, r % 16, unpacked.data());
          const std::vector<uint8_t> expected =
              r < rows ? std::vector<uint8_t>(data.begin() + static_cast<std::ptrdiff_t>(r * row_size),
                                              data.begin() + static_cast<std::ptrdiff_t>((r + 1) * row_size))
                       : std::vector<uint8_t>(row_size, 0);
          ASSERT_EQ(unpacked, expected) << row.name << " row " << r << " of " << rows << ", columns " << columns;
        }
      }
    }
  }
}

TEST(Layout, PanelsKeepEveryBit) {
  for (const FormatRow& row : formats()) {
    if (!has_panel16(row.format)) continue;
    const size_t columns = panel_block_columns(row.format);
    auto ones = [&](uint8_t fill) {
      size_t count = 0;
      const std::vector<uint8_t> data(16 * row_bytes(row, columns), fill);
      for (uint8_t byte : pack(row, data, 16, columns)) count += static_cast<size_t>(std::popcount(byte));
      return count;
    };
    EXPECT_EQ(ones(0x00), 0u) << row.name;
    EXPECT_EQ(ones(0xFF), 8 * panel_block_bytes(row)) << row.name;
  }
}

TEST(Layout, RowsDecodeTheSameFromBothLayouts) {
  for (const FormatRow& row : formats()) {
    for (size_t columns : awkward_columns(row)) {
      const size_t rows = 17;
      const std::vector<uint8_t> data = random_bytes(weight_bytes(row, Layout::kRows, rows, columns), columns);
      std::vector<uint8_t> packed;
      if (has_panel16(row.format)) packed = pack(row, data, rows, columns);
      for (size_t r = 0; r < rows; ++r) {
        std::vector<float> direct(columns), from_rows(columns), from_panel(columns);
        row.decode(data.data() + r * row_bytes(row, columns), direct.data(), columns / row.block_columns);
        decode_weight_row(row, Layout::kRows, data.data(), r, columns, from_rows.data());
        ASSERT_TRUE(same_bits(direct, from_rows)) << row.name;
        if (packed.empty()) continue;
        decode_weight_row(row, Layout::kPanel16, packed.data(), r, columns, from_panel.data());
        ASSERT_TRUE(same_bits(direct, from_panel)) << row.name << " row " << r << ", columns " << columns;
      }
    }
  }
}

TEST(Layout, SizesIncludePaddingAndAreChecked) {
  const FormatRow& f16 = format_row(Format::kF16);
  const FormatRow& q4_k = format_row(Format::kQ4_K);
  EXPECT_EQ(panel_block_bytes(format_row(Format::kF32)), 64u);
  EXPECT_EQ(panel_block_bytes(f16), 64u);
  EXPECT_EQ(panel_block_bytes(q4_k), 2304u);
  EXPECT_EQ(weight_bytes(f16, Layout::kRows, 3, 5), 30u);
  EXPECT_EQ(weight_bytes(f16, Layout::kPanel16, 3, 5), 16u * 6 * 2);
  EXPECT_EQ(weight_bytes(q4_k, Layout::kPanel16, 17, 512), 32u * 288);
  EXPECT_THROW(weight_bytes(q4_k, Layout::kRows, 1, 300), Error);
  EXPECT_THROW(weight_bytes(f16, Layout::kPanel16, std::numeric_limits<size_t>::max(), 1), Error);
  EXPECT_THROW(weight_bytes(f16, Layout::kRows, 1ull << 40, 1ull << 40), Error);
  EXPECT_THROW(weight_bytes(format_row(Format::kNVFP4), Layout::kPanel16, 16, 64), Error);
  std::vector<uint8_t> none(1);
  EXPECT_THROW(pack_panel16(f16, none.data(), 17, 1, none.data()), Error);
  EXPECT_THROW(panel_block_columns(Format::kIQ1_S), Error);
  EXPECT_TRUE(panel_fields(Format::kIQ1_S).empty());
}

// Reads panels the way a kernel does, with nothing but the byte order of README.md.
class PanelReader {
 public:
  explicit PanelReader(const uint8_t* panel) : at_(panel) {}

  float f16(size_t lane) const {
    uint16_t half;
    std::memcpy(&half, at_ + 2 * lane, 2);
    return f16_to_f32(half);
  }
  void skip(size_t bytes) { at_ += bytes; }
  uint8_t byte(size_t vector, size_t lane, size_t b) const { return at_[64 * vector + 4 * lane + b]; }
  uint32_t word(size_t vector, size_t lane) const {
    uint32_t value;
    std::memcpy(&value, at_ + 64 * vector + 4 * lane, 4);
    return value;
  }
  /// Nibble of column c (0..31) of a group whose four vectors begin at `vector`.
  int nibble(size_t vector, size_t lane, size_t c) const {
    return byte(vector + c % 16 / 4, lane, c % 4) >> (c / 16 * 4) & 15;
  }
  /// 2-bit code of column c of a group whose two vectors begin at `vector`.
  int code2(size_t vector, size_t lane, size_t c) const {
    return byte(vector + c / 16, lane, c % 4) >> (c % 16 / 4 * 2) & 3;
  }

 private:
  const uint8_t* at_;
};

/// Scales of one lane from `count` consecutive vectors.
std::vector<uint8_t> lane_bytes(const PanelReader& reader, size_t vector, size_t count, size_t lane) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < 4 * count; ++i) bytes.push_back(reader.byte(vector + i / 4, lane, i % 4));
  return bytes;
}

float read_32(Format format, const uint8_t* panel, size_t lane, size_t c) {
  PanelReader reader(panel);
  if (format == Format::kMXFP4) {
    const float scale = e8m0_half(panel[lane]);
    reader.skip(16);
    return scale * kE2m1Doubled[reader.nibble(0, lane, c)];
  }
  const float d = reader.f16(lane);
  reader.skip(32);
  float m = 0;
  if (format == Format::kQ4_1 || format == Format::kQ5_1) m = reader.f16(lane), reader.skip(32);
  auto with_high = [&] { return reader.nibble(1, lane, c) | static_cast<int>(reader.word(0, lane) >> c & 1) << 4; };
  switch (format) {
    case Format::kQ4_0:
      return d * static_cast<float>(reader.nibble(0, lane, c) - 8);
    case Format::kQ4_1:
      return d * static_cast<float>(reader.nibble(0, lane, c)) + m;
    case Format::kQ5_0:
      return d * static_cast<float>(with_high() - 16);
    case Format::kQ5_1:
      return d * static_cast<float>(with_high()) + m;
    case Format::kQ8_0:
      return d * static_cast<float>(static_cast<int8_t>(reader.byte(c / 4, lane, c % 4)));
    default:
      return d * kIq4Values[reader.nibble(0, lane, c)];
  }
}

float read_k(Format format, const uint8_t* panel, size_t lane, size_t c) {
  PanelReader reader(panel);
  const size_t group = c / 32, in = c % 32;
  const float d = reader.f16(lane);
  reader.skip(32);
  if (format == Format::kQ3_K || format == Format::kQ6_K) {
    const bool q6 = format == Format::kQ6_K;
    const std::vector<uint8_t> packed = lane_bytes(reader, 0, q6 ? 4 : 3, lane);
    int8_t scales[16];
    if (q6) std::memcpy(scales, packed.data(), 16);
    if (!q6) unpack_q3_scales(packed.data(), scales);
    const size_t base = q6 ? 4 + 6 * group : 3 + 3 * group;
    const int code =
        q6 ? (reader.nibble(base, lane, in) | reader.code2(base + 4, lane, in) << 4) - 32
           : (reader.code2(base, lane, in) | (reader.byte(base + 2, lane, in % 4) >> (in / 4) & 1) << 2) - 4;
    const int scale = scales[c / 16];
    return d * static_cast<float>(scale) * static_cast<float>(code);
  }
  const float dmin = reader.f16(lane);
  reader.skip(32);
  if (format == Format::kQ2_K) {
    const uint8_t scale = lane_bytes(reader, 0, 4, lane)[c / 16];
    const int code = reader.code2(4 + 2 * group, lane, in);
    return d * static_cast<float>(scale & 15) * static_cast<float>(code) - dmin * static_cast<float>(scale >> 4);
  }
  uint8_t scales[8], mins[8];
  unpack_scales_mins(lane_bytes(reader, 0, 3, lane).data(), scales, mins);
  const bool q5 = format == Format::kQ5_K;
  const size_t base = 3 + (q5 ? 5 : 4) * group;
  int code = reader.nibble(base, lane, in);
  if (q5) code |= static_cast<int>(reader.word(base + 4, lane) >> in & 1) << 4;
  return d * static_cast<float>(scales[group]) * static_cast<float>(code) - dmin * static_cast<float>(mins[group]);
}

float read_iq4_xs(const uint8_t* panel, size_t lane, size_t c) {
  PanelReader reader(panel);
  const float d = reader.f16(lane);
  uint16_t high;
  std::memcpy(&high, panel + 32 + 2 * lane, 2);
  reader.skip(64);
  const size_t group = c / 32;
  const int low = reader.byte(0, lane, group / 2) >> (group % 2 * 4) & 15;
  const float scale = d * static_cast<float>((low | (high >> (2 * group) & 3) << 4) - 32);
  return scale * kIq4Values[reader.nibble(1 + 4 * group, lane, c % 32)];
}

float read_plain(Format format, const uint8_t* panel, size_t lane, size_t c) {
  uint32_t word = PanelReader(panel).word(0, lane);
  if (format == Format::kF32) return std::bit_cast<float>(word);
  const uint16_t half = static_cast<uint16_t>(word >> (16 * c));
  return format == Format::kF16 ? f16_to_f32(half) : bf16_to_f32(half);
}

TEST(Layout, PanelBytesAreWhereTheKernelsReadThem) {
  for (const FormatRow& row : formats()) {
    if (!has_panel16(row.format)) continue;
    const size_t block = panel_block_columns(row.format), columns = 3 * block;
    const std::vector<uint8_t> data = random_bytes(16 * row_bytes(row, columns), 99);
    const std::vector<uint8_t> packed = pack(row, data, 16, columns);
    for (size_t lane = 0; lane < 16; ++lane) {
      std::vector<float> expected(columns), read(columns);
      row.decode(data.data() + lane * row_bytes(row, columns), expected.data(), columns / row.block_columns);
      for (size_t c = 0; c < columns; ++c) {
        const uint8_t* panel = packed.data() + c / block * panel_block_bytes(row);
        const size_t in = c % block;
        read[c] = row.format == Format::kIQ4_XS ? read_iq4_xs(panel, lane, in)
                  : block == 256                ? read_k(row.format, panel, lane, in)
                  : block == 32                 ? read_32(row.format, panel, lane, in)
                                                : read_plain(row.format, panel, lane, in);
      }
      ASSERT_TRUE(same_bits(expected, read)) << row.name << " lane " << lane;
    }
  }
}

}  // namespace
}  // namespace vivace
