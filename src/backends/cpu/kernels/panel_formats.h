// How the panel core reads each weight format (byte order: quant/README.md). A format says
//   kFormat, kKind     which weights, which form of the activations
//   kColumns, kBytes   columns and bytes of a panel block (16 rows)
//   kMaxCode           largest magnitude of a code, as dot() takes it
//   kOffsetBits        -1: codes are meant as they are; n: the meant value is code - 2^n
//   kScales            scales of a panel block: one per 32 or 16 columns
//   kFloatScales       of blocks with many: how many scales' products add up exactly in f32; 0: add integers
//   kMins              kNone, kBlock (+ min[0] * sum of x) or kPairs16/kPairs32 (+ min[0] * sum of pairs * sums)
//   kGroups, kGroupBytes  where the codes of the first 32 columns begin, and from one 32 to the next
//   codes<i>(group)    codes of columns 4i..4i+3 of the group's 16 rows, ready for dot()
//   scales(block, s)   the block's scales and mins
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/cpu/kernels/unroll.h"

namespace vivace::VIVACE_ISA {

/// Whether what a block of 256 columns sums up to is exact before the first rounding, as a table on a matrix unit needs
/// it; else the factors of 32 or 16 columns are rounded with the block's scale, which is faster.
#ifdef VIVACE_EXACT_BLOCKS
constexpr bool kExactBlocks = true;
#else
constexpr bool kExactBlocks = false;
#endif

enum class Mins { kNone, kBlock, kPairs32, kPairs16 };

/// Scales of one panel block, as vectors over its 16 rows.
struct BlockScales {
  F32x16 scale;
  F32x16 min;
};

/// What a sum is multiplied by: a float, or a whole number that may be an integer.
template <bool kFloat>
struct FactorVector {
  using Type = F32x16;
};
template <>
struct FactorVector<false> {
  using Type = I32x16;
};

/// The same of a block of 256 columns: factors, one for each 32 or 16 columns, of a common scale; they are products
/// with it where sums need not be exact.
template <bool kFloat, int kScales, Mins kMins>
struct SuperScales {
  static constexpr int kPairs = kMins == Mins::kPairs32 ? 4 : kMins == Mins::kPairs16 ? 8 : 1;
  using Factor = typename FactorVector<kFloat>::Type;
  Factor factor[kScales];
  F32x16 scale;
  F32x16 min;
  I32x16 pairs[kPairs];  // int16 pairs of the mins, in the order of prepared_form.h
};

VIVACE_SIMD void set_factor(F32x16& factor, I32x16 value, F32x16 scale) {
  factor = kExactBlocks ? to_f32(value) : mul(scale, to_f32(value));
}
VIVACE_SIMD void set_factor(I32x16& factor, I32x16 value, F32x16 /*scale*/) { factor = value; }
VIVACE_SIMD I32x16 factor_i32(F32x16 factor) { return to_i32(factor); }
VIVACE_SIMD I32x16 factor_i32(I32x16 factor) { return factor; }

VIVACE_SIMD I32x16 low_nibbles(I32x16 v) { return and_(v, set_i32(0x0F0F0F0F)); }
VIVACE_SIMD I32x16 high_nibbles(I32x16 v) { return and_(shr<4>(v), set_i32(0x0F0F0F0F)); }

/// Byte n of each lane, unsigned or signed.
template <int n>
VIVACE_SIMD I32x16 byte_i32(I32x16 v) {
  if constexpr (n == 3) return shr<24>(v);
  return and_(shr<8 * n>(v), set_i32(0xFF));
}
template <int n>
VIVACE_SIMD I32x16 signed_byte_i32(I32x16 v) {
  return sar<24>(shl<24 - 8 * n>(v));
}

/// Signed codes as dot() wants them: as they are, or plus 128 (then the offset is 128).
VIVACE_SIMD I32x16 signed_codes(I32x16 codes) {
  return kSignedDot ? codes : xor_(codes, set_i32(static_cast<int32_t>(0x80808080u)));
}
constexpr int kSignedOffsetBits = kSignedDot ? -1 : 7;

/// Four vectors of nibbles: vector i has columns 4i.. (low) and 16 + 4i.. (high).
template <int i>
VIVACE_SIMD I32x16 nibbles(const uint8_t* group) {
  const I32x16 v = load_i32(group + 64 * (i % 4));
  return i < 4 ? low_nibbles(v) : high_nibbles(v);
}

/// Common parts of the formats whose block has 32 columns.
template <Format kId, int kBlockBytes, int kMax, int kOffset, Mins kMinKind>
struct Block32 {
  static constexpr Format kFormat = kId;
  static constexpr uint32_t kKind = kInt8Block32;
  static constexpr int kColumns = 32, kBytes = 16 * kBlockBytes, kScales = 1;
  static constexpr int kMaxCode = kMax, kOffsetBits = kOffset;
  static constexpr bool kSigned = false;
  static constexpr Mins kMins = kMinKind;
  static constexpr int kGroupBytes = 0;
  static constexpr int kFloatScales = 1;
  using Factor = F32x16;  // the scale
  using Scales = BlockScales;
};

/// kMaxFactor: the largest magnitude of a factor.
template <Format kId, int kBlockBytes, int kMax, int kOffset, int kScaleCount, int kMaxFactor, Mins kMinKind>
struct Block256 {
  static constexpr Format kFormat = kId;
  static constexpr uint32_t kKind = kInt8Block256;
  static constexpr int kColumns = 256, kBytes = 16 * kBlockBytes, kScales = kScaleCount;
  static constexpr int kMaxCode = kMax, kOffsetBits = kOffset;
  static constexpr bool kSigned = false;
  static constexpr Mins kMins = kMinKind;

  static constexpr int kFactor = kMaxFactor;
  static constexpr int kMeantCode = kOffset < 0 ? kMax : kMax - (1 << kOffset) < (1 << kOffset) ? 1 << kOffset : kMax;
  static constexpr int kMostSum = 256 / kScaleCount * kMeantCode * 127 * kMaxFactor;  // under one scale
  static constexpr int kFloatScales = (1 << 24) / kMostSum >= kScaleCount       ? kScaleCount
                                      : (1 << 24) / kMostSum >= kScaleCount / 2 ? kScaleCount / 2
                                                                                : 0;
  using Scales = SuperScales<(!kExactBlocks || kFloatScales > 0), kScaleCount, kMinKind>;
  using Factor = typename Scales::Factor;
};

struct PanelQ4_0 : Block32<Format::kQ4_0, 18, 15, 3, Mins::kNone> {
  static constexpr int kGroups = 32;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { s.scale = load_f16(block); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return nibbles<i>(group);
  }
};

struct PanelQ4_1 : Block32<Format::kQ4_1, 20, 15, -1, Mins::kBlock> {
  static constexpr int kGroups = 64;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    s.scale = load_f16(block);
    s.min = load_f16(block + 32);
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return nibbles<i>(group);
  }
};

// Q5: a vector of fifth bits (bit j = column j) before the nibbles.
template <int i>
VIVACE_SIMD I32x16 five_bits(const uint8_t* bits, const uint8_t* group) {
  return or_(nibbles<i>(group), spread_bits<4 * i>(load_i32(bits)));
}

struct PanelQ5_0 : Block32<Format::kQ5_0, 22, 31, 4, Mins::kNone> {
  static constexpr int kGroups = 32;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { s.scale = load_f16(block); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return five_bits<i>(group, group + 64);
  }
};

struct PanelQ5_1 : Block32<Format::kQ5_1, 24, 31, -1, Mins::kBlock> {
  static constexpr int kGroups = 64;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    s.scale = load_f16(block);
    s.min = load_f16(block + 32);
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return five_bits<i>(group, group + 64);
  }
};

struct PanelQ8_0 : Block32<Format::kQ8_0, 34, 127, kSignedOffsetBits, Mins::kNone> {
  static constexpr bool kSigned = kSignedDot;
  static constexpr int kMaxCode = 128;
  static constexpr int kGroups = 32;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { s.scale = load_f16(block); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return signed_codes(load_i32(group + 64 * i));
  }
};

// Codebooks, signed or plus 128 as dot() wants them.
template <int kBias>
struct Codebook {
  alignas(16) int8_t values[16];
  constexpr explicit Codebook(const int8_t (&signed_values)[16]) : values{} {
    for (int i = 0; i < 16; ++i) values[i] = static_cast<int8_t>(signed_values[i] ^ (kSignedDot ? 0 : kBias));
  }
};
constexpr int8_t kIq4Signed[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kE2m1Signed[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // doubled
constexpr Codebook<-128> kIq4Codebook(kIq4Signed);
constexpr Codebook<-128> kE2m1Codebook(kE2m1Signed);

struct PanelIQ4_NL : Block32<Format::kIQ4_NL, 18, 127, kSignedOffsetBits, Mins::kNone> {
  static constexpr bool kSigned = kSignedDot;
  static constexpr int kGroups = 32;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { s.scale = load_f16(block); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return lookup16(kIq4Codebook.values, nibbles<i>(group));
  }
};

struct PanelMXFP4 : Block32<Format::kMXFP4, 17, 12, kSignedOffsetBits, Mins::kNone> {
  static constexpr bool kSigned = kSignedDot;
  static constexpr int kGroups = 16;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    // 2^(e - 128): half of the block's scale, since the codebook is doubled. Below e = 2 it is subnormal.
    const I32x16 e = load_u8(block);
    const F32x16 tiny = select_greater(to_f32(e), zero_f32(), as_f32(set_i32(0x00400000)), as_f32(set_i32(0x00200000)));
    const F32x16 usual = as_f32(shl<23>(add(e, set_i32(-1))));
    s.scale = select_greater(to_f32(e), set_f32(1.5f), usual, tiny);
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return lookup16(kE2m1Codebook.values, nibbles<i>(group));
  }
};

/// Q4_K and Q5_K: d, dmin, then three vectors of 6-bit scales and mins.
template <class Scales>
VIVACE_SIMD void scales_and_mins(const uint8_t* block, Scales& s) {
  s.scale = load_f16(block);
  const I32x16 a = load_i32(block + 64), b = load_i32(block + 128), c = load_i32(block + 192);
  const I32x16 six = set_i32(0x3F3F3F3F), top = set_i32(0x30303030);
  const I32x16 scales[2] = {and_(a, six), or_(low_nibbles(c), and_(shr<2>(a), top))};
  const I32x16 mins[2] = {and_(b, six), or_(high_nibbles(c), and_(shr<2>(b), top))};
  unroll<8>([&](auto i) VIVACE_INLINE_LAMBDA { set_factor(s.factor[i], byte_i32<i % 4>(scales[i / 4]), s.scale); });
  s.min = sub(zero_f32(), load_f16(block + 32));
  const I32x16 even = set_i32(0x00FF00FF);
  unroll<2>([&](auto i) VIVACE_INLINE_LAMBDA {
    s.pairs[2 * i] = and_(mins[i], even);
    s.pairs[2 * i + 1] = and_(shr<8>(mins[i]), even);
  });
}

struct PanelQ4_K : Block256<Format::kQ4_K, 144, 15, -1, 8, 63, Mins::kPairs32> {
  static constexpr int kGroups = 256, kGroupBytes = 256;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { scales_and_mins(block, s); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return nibbles<i>(group);
  }
};

struct PanelQ5_K : Block256<Format::kQ5_K, 176, 31, -1, 8, 63, Mins::kPairs32> {
  static constexpr int kGroups = 256, kGroupBytes = 320;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) { scales_and_mins(block, s); }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return five_bits<i>(group + 256, group);
  }
};

struct PanelQ6_K : Block256<Format::kQ6_K, 210, 63, 5, 16, 128, Mins::kNone> {
  static constexpr int kGroups = 32 + 4 * 64, kGroupBytes = 6 * 64;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    s.scale = load_f16(block);
    unroll<4>([&](auto w) VIVACE_INLINE_LAMBDA {
      const I32x16 four = load_i32(block + 32 + 64 * w);
      unroll<4>([&](auto i)
                    VIVACE_INLINE_LAMBDA { set_factor(s.factor[4 * w + i], signed_byte_i32<i>(four), s.scale); });
    });
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    const I32x16 high = load_i32(group + 256 + 64 * (i / 4));  // bits 2(i % 4) of byte b: column 4i + b
    constexpr int kShift = 2 * (i % 4) - 4;
    const I32x16 moved = kShift < 0 ? shl<(kShift < 0 ? -kShift : 0)>(high) : shr<(kShift < 0 ? 0 : kShift)>(high);
    return or_(nibbles<i>(group), and_(moved, set_i32(0x30303030)));
  }
};

struct PanelQ3_K : Block256<Format::kQ3_K, 110, 7, 2, 16, 32, Mins::kNone> {
  static constexpr int kGroups = 32 + 3 * 64, kGroupBytes = 3 * 64;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    // Low nibbles of scales 0-7 and 8-15 in words 0 and 1; the upper two bits of 4j..4j+3 at bits 2j of word 2's bytes.
    s.scale = load_f16(block);
    const I32x16 low[2] = {load_i32(block + 32), load_i32(block + 96)};
    const I32x16 top = load_i32(block + 160);
    const I32x16 mask = set_i32(0x30303030);
    unroll<4>([&](auto j) VIVACE_INLINE_LAMBDA {
      const I32x16 nibble = j < 2 ? low_nibbles(low[j % 2]) : high_nibbles(low[j % 2]);
      constexpr int kShift = 2 * j - 4;
      const I32x16 moved = kShift < 0 ? shl<(kShift < 0 ? -kShift : 0)>(top) : shr<(kShift < 0 ? 0 : kShift)>(top);
      const I32x16 four = or_(nibble, and_(moved, mask));
      unroll<4>([&](auto i) VIVACE_INLINE_LAMBDA {
        set_factor(s.factor[4 * j + i], add(byte_i32<i>(four), set_i32(-32)), s.scale);
      });
    });
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    const I32x16 low = and_(shr<2 * (i % 4)>(load_i32(group + 64 * (i / 4))), set_i32(0x03030303));
    const I32x16 high = load_i32(group + 128);  // bit i of byte b: column 4i + b
    const I32x16 moved = i < 2 ? shl<(i < 2 ? 2 - i : 0)>(high) : shr<(i < 2 ? 0 : i - 2)>(high);
    return or_(low, and_(moved, set_i32(0x04040404)));
  }
};

struct PanelQ2_K : Block256<Format::kQ2_K, 84, 3, -1, 16, 15, Mins::kPairs16> {
  static constexpr int kGroups = 64 + 4 * 64, kGroupBytes = 2 * 64;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    s.scale = load_f16(block);
    s.min = sub(zero_f32(), load_f16(block + 32));
    const I32x16 even = set_i32(0x00FF00FF);
    unroll<4>([&](auto w) VIVACE_INLINE_LAMBDA {
      const I32x16 four = load_i32(block + 64 + 64 * w);
      const I32x16 scales = low_nibbles(four), mins = high_nibbles(four);
      unroll<4>([&](auto i) VIVACE_INLINE_LAMBDA { set_factor(s.factor[4 * w + i], byte_i32<i>(scales), s.scale); });
      s.pairs[2 * w] = and_(mins, even);
      s.pairs[2 * w + 1] = and_(shr<8>(mins), even);
    });
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return and_(shr<2 * (i % 4)>(load_i32(group + 64 * (i / 4))), set_i32(0x03030303));
  }
};

struct PanelIQ4_XS : Block256<Format::kIQ4_XS, 136, 127, kSignedOffsetBits, 8, 32, Mins::kNone> {
  static constexpr bool kSigned = kSignedDot;
  static constexpr int kGroups = 64 + 64, kGroupBytes = 256;
  VIVACE_SIMD void scales(const uint8_t* block, Scales& s) {
    // Scale g: nibble g of the word, plus bits 2g of the 16-bit piece on top, minus 32.
    s.scale = load_f16(block);
    const I32x16 top = load_u16(block + 32), low = load_i32(block + 64);
    unroll<8>([&](auto g) VIVACE_INLINE_LAMBDA {
      const I32x16 code = or_(and_(shr<4 * g>(low), set_i32(15)), shl<4>(and_(shr<2 * g>(top), set_i32(3))));
      set_factor(s.factor[g], add(code, set_i32(-32)), s.scale);
    });
  }
  template <int i>
  VIVACE_SIMD I32x16 codes(const uint8_t* group) {
    return lookup16(kIq4Codebook.values, nibbles<i>(group));
  }
};

}  // namespace vivace::VIVACE_ISA
