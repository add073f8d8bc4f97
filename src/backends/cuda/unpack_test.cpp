// The unpackers decode as the formats are defined, bit for bit.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "backends/cuda/formats/all.h"

namespace vivace::cuda {
namespace {

template <class Unpacker>
void check_unpacker(const FormatRow& format, const std::vector<uint8_t>& bytes, const std::vector<float>& expected) {
  ASSERT_EQ(Unpacker::kFormat, format.format);
  ASSERT_EQ(size_t{Unpacker::kBlockBytes}, format.block_bytes);
  ASSERT_EQ(size_t{Unpacker::kBlockColumns}, format.block_columns);
  for (size_t c = 0; c < expected.size(); ++c) {
    const float value = load_weight<Unpacker>(bytes.data(), int64_t(c));
    const bool both_nan = value != value && expected[c] != expected[c];
    ASSERT_TRUE(value == expected[c] || both_nan)
        << format.name << " column " << c << ": " << value << ", not " << expected[c];
  }
  if constexpr (Unpacker::kHalfBlocks) {
    for (size_t block = 0; block < bytes.size() / Unpacker::kBlockBytes; ++block) {
      const uint8_t* data = &bytes[block * Unpacker::kBlockBytes];
      for (int half = 0; half < 2; ++half) {
        Affine affines[128 / Unpacker::kScaleColumns];
        Unpacker::affines(data, half, affines);
        for (int i = 0; i < 4; ++i) {
          const Affine alone = Unpacker::affine(data, half * 4 + i, 0);
          ASSERT_EQ(affines[i].scale, alone.scale) << format.name;
          ASSERT_EQ(affines[i].offset, alone.offset) << format.name;
        }
      }
    }
  }
}

TEST(Unpack, DecodesAsTheFormatDefines) {
  std::mt19937 random(1);
  constexpr size_t kBlocks = 64;
  for (const FormatRow& format : formats()) {
    std::vector<uint8_t> bytes(kBlocks * format.block_bytes);
    for (uint8_t& byte : bytes) byte = uint8_t(random());
    // Finite scales wherever they lie: no f16 has all exponent bits set.
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      if ((bytes[i + 1] & 0x7C) == 0x7C) bytes[i + 1] &= 0xBF;
    }
    std::vector<float> expected(kBlocks * format.block_columns);
    format.decode(bytes.data(), expected.data(), kBlocks);
    const bool in_blocks = visit_unpacker(
        format.format, [&](auto unpacker) { check_unpacker<decltype(unpacker)>(format, bytes, expected); });
    EXPECT_EQ(in_blocks, format.block_columns > 1) << format.name;
  }
}

}  // namespace
}  // namespace vivace::cuda
