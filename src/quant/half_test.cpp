// The 16-bit float conversions, over all 65536 codes and every rounding border between neighbours.
#include "quant/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vivace {
namespace {

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

TEST(Half, F16DecodesEveryCode) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const float value = f16_to_f32(static_cast<uint16_t>(code));
    const int exponent = static_cast<int>(code >> 10 & 31), mantissa = static_cast<int>(code & 1023);
    ASSERT_EQ(std::signbit(value), code >> 15 == 1) << code;
    if (exponent == 31) {
      ASSERT_EQ(mantissa != 0, std::isnan(value)) << code;
      ASSERT_EQ(mantissa == 0, std::isinf(value)) << code;
      continue;
    }
    const double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(std::fabs(static_cast<double>(value)), expected) << code;
    ASSERT_EQ(f32_to_f16(value), code);
  }
}

TEST(Half, F16RoundsToNearestEven) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (uint32_t code = 0; code < 0x7C00; ++code) {
    const double low = f16_to_f32(static_cast<uint16_t>(code));
    // The neighbour of the largest number is where the next binade would begin.
    const double high = code == 0x7BFF ? 65536.0 : static_cast<double>(f16_to_f32(static_cast<uint16_t>(code + 1)));
    const float middle = static_cast<float>((low + high) / 2);
    const uint32_t even = code % 2 == 0 ? code : code + 1;
    ASSERT_EQ(f32_to_f16(middle), even);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), code);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, infinity)), code + 1);
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000);
  }
}

TEST(Half, F16Specials) {
  EXPECT_EQ(f32_to_f16(0.0f), 0);
  EXPECT_EQ(f32_to_f16(-0.0f), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7C00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f32_to_f16(std::bit_cast<float>(0x7FC00000u)), 0x7E00);
  EXPECT_EQ(f32_to_f16(std::bit_cast<float>(0xFF800001u)), 0xFE00);
  EXPECT_EQ(bits_of(f16_to_f32(0x7E01)), 0x7FC02000u);
  EXPECT_EQ(bits_of(f16_to_f32(0xFC01)), 0xFFC02000u);
}

TEST(Half, Bf16RoundsToNearestEven) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const float value = bf16_to_f32(static_cast<uint16_t>(code));
    ASSERT_EQ(bits_of(value), code << 16);
    if ((code & 0x7FFF) > 0x7F80) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_EQ(f32_to_bf16(value), code | 0x40);
      continue;
    }
    ASSERT_EQ(f32_to_bf16(value), code);
    if ((code & 0x7FFF) == 0x7F80) continue;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(code << 16 | 0x7FFF)), code);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(code << 16 | 0x8000)), code + code % 2);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(code << 16 | 0x8001)), code + 1);
  }
}

}  // namespace
}  // namespace vivace
