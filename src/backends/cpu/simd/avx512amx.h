// AVX-512 with AMX: TDPBSSD multiplies 16 x 64 by 64 x 16 signed bytes and adds in 32 bits, TDPBF16PS 16 x 32 by 32 x
// 16 BF16 values and adds in f32. See simd/scalar.h and simd/matrix_software.h. The tokens' tiles must be those of
// avx512vnni.
#pragma once

#include "backends/cpu/simd/avx512bf16_base.h"
#include "backends/cpu/simd/matrix_parts.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx512amx";

constexpr bool kSignedDot = true;

VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) { return _mm512_dpwssd_epi32(accumulator, a, b); }

/// The shapes of the tile registers, as LDTILECFG reads them.
struct alignas(64) TileShapes {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileShapes) == 64);

/// See simd/matrix_software.h.
template <int kColumns>
struct MatrixUnit {
  /// Tiles 0-3: products, 4: the tokens, 5 and 6: weights.
  static constexpr uint16_t kX = kColumns, kRows = kColumns / 4;
  static constexpr TileShapes kShapes = {1, 0, {}, {64, 64, 64, 64, kX, 64, 64}, {16, 16, 16, 16, 16, kRows, kRows}};

  MatrixUnit() { _tile_loadconfig(&kShapes); }
  ~MatrixUnit() { _tile_release(); }
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;

  // gcc's tile loads do not say that they read memory.
  template <int kTiles>
  __attribute__((always_inline)) void clear() const {
    __asm__ volatile("" ::: "memory");
    _tile_zero(0);
    if constexpr (kTiles > 1) _tile_zero(1);
    if constexpr (kTiles > 2) _tile_zero(2);
    if constexpr (kTiles > 3) _tile_zero(3);
  }
  __attribute__((always_inline)) void load_tokens(const uint8_t* x) const {
    __asm__ volatile("" ::: "memory");
    _tile_loadd(4, x, 64);
  }
  template <int kTile>
  __attribute__((always_inline)) void add(const uint8_t* weights) const {
    static_assert(kTile < 4);
    __asm__ volatile("" ::: "memory");
    if constexpr (kTile % 2 == 0) {
      _tile_loadd(5, weights, 64);
    } else {
      _tile_loadd(6, weights, 64);
    }
    if constexpr (kTile == 0) _tile_dpbssd(0, 4, 5);
    if constexpr (kTile == 1) _tile_dpbssd(1, 4, 6);
    if constexpr (kTile == 2) _tile_dpbssd(2, 4, 5);
    if constexpr (kTile == 3) _tile_dpbssd(3, 4, 6);
  }
  template <int kTiles>
  __attribute__((always_inline)) void store(int32_t* products) const {
    _tile_stored(0, products, 64);
    if constexpr (kTiles > 1) _tile_stored(1, products + 256, 64);
    if constexpr (kTiles > 2) _tile_stored(2, products + 512, 64);
    if constexpr (kTiles > 3) _tile_stored(3, products + 768, 64);
    __asm__ volatile("" ::: "memory");
  }
};

/// Products of BF16 pairs: kGroups groups of 16 tokens times kPanels panels, 32 columns at once; f32 sums, without
/// denormals. An object holds the thread's unit, as MatrixUnit does.
template <int kPanels, int kGroups>
struct PairUnit {
  /// `last`: tokens of the last group.
  explicit PairUnit(int last) {
    // Tiles 0-3: the sums of group g and panel p in 2g + p, 4 and 5: the groups' tokens, 6 and 7: the panels.
    TileShapes shapes = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    const uint8_t rows = static_cast<uint8_t>(last);
    if constexpr (kGroups == 1) {
      shapes.rows[0] = shapes.rows[1] = shapes.rows[4] = rows;
    } else {
      shapes.rows[2] = shapes.rows[3] = shapes.rows[5] = rows;
    }
    _tile_loadconfig(&shapes);
  }
  ~PairUnit() { _tile_release(); }
  PairUnit(const PairUnit&) = delete;
  PairUnit& operator=(const PairUnit&) = delete;

  /// Sums lie as [group][2 panels][16 tokens][16 rows].
  __attribute__((always_inline)) void load_sums(const float* sums) const {
    __asm__ volatile("" ::: "memory");
    _tile_loadd(0, sums, 64);
    if constexpr (kPanels > 1) _tile_loadd(1, sums + 256, 64);
    if constexpr (kGroups > 1) _tile_loadd(2, sums + 512, 64);
    if constexpr (kGroups > 1 && kPanels > 1) _tile_loadd(3, sums + 768, 64);
  }
  /// sums[t][r] += tokens[t] * weights[p][r] over 32 columns; tokens are `stride` bytes apart, groups 16 tokens.
  __attribute__((always_inline)) void add(const uint8_t* tokens, size_t stride,
                                          const uint8_t* const (&weights)[2]) const {
    __asm__ volatile("" ::: "memory");
    _tile_loadd(4, tokens, stride);
    _tile_loadd(6, weights[0], 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kPanels > 1) {
      _tile_loadd(7, weights[1], 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kGroups > 1) {
      _tile_loadd(5, tokens + 16 * stride, stride);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kPanels > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  __attribute__((always_inline)) void store_sums(float* sums) const {
    _tile_stored(0, sums, 64);
    if constexpr (kPanels > 1) _tile_stored(1, sums + 256, 64);
    if constexpr (kGroups > 1) _tile_stored(2, sums + 512, 64);
    if constexpr (kGroups > 1 && kPanels > 1) _tile_stored(3, sums + 768, 64);
    __asm__ volatile("" ::: "memory");
  }
};

/// While it lives, the thread's vectors take denormals as zero and make none, as the unit.
class WithoutDenormals {
 public:
  WithoutDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~WithoutDenormals() { _mm_setcsr(before_); }
  WithoutDenormals(const WithoutDenormals&) = delete;
  WithoutDenormals& operator=(const WithoutDenormals&) = delete;

 private:
  unsigned before_;
};

// Products of bytes in words, whose upper byte is the odd code's: multiplications and shifts have one port, what masks
// and joins has two.
template <bool kNonNegative>
struct CodeFactor {
  explicit CodeFactor(I32x16 factor) {
    const __m512i twice =
        _mm512_or_si512(_mm512_slli_epi32(factor, 16), _mm512_and_si512(factor, _mm512_set1_epi32(0xFFFF)));
    low = twice;
    high = _mm512_slli_epi16(twice, kNonNegative ? 16 - kPartBits : 8);
  }
  __m512i low, high;
};

template <int kOffset>
VIVACE_SIMD I32x16 meant_codes(I32x16 codes) {
  return kOffset == 0 ? codes : _mm512_sub_epi8(codes, _mm512_set1_epi8(kOffset));
}

/// Even bytes of one vector, odd bytes of the other.
VIVACE_SIMD I32x16 join_bytes(__m512i even, __m512i odd) {
  return _mm512_mask_mov_epi8(even, 0xAAAAAAAAAAAAAAAAull, odd);
}

template <int kOffset, int kParts, bool kNonNegative>
VIVACE_SIMD void multiply_codes(I32x16 codes, const CodeFactor<kNonNegative>& factor, I32x16 (&parts)[kParts]) {
  const __m512i upper = _mm512_set1_epi16(int16_t(0xFF00)), meant = meant_codes<kOffset>(codes);
  const __m512i odd_code = _mm512_and_si512(meant, upper);  // times 256
  __m512i even, odd;                                        // products; the odd one's lowest byte as the upper byte
  if constexpr (kNonNegative) {
    even = _mm512_mullo_epi16(_mm512_andnot_si512(upper, meant), factor.low);
    odd = _mm512_mullo_epi16(odd_code, factor.low);
  } else {
    even = _mm512_mulhi_epi16(_mm512_slli_epi16(meant, 8), factor.high);
    odd = _mm512_mulhi_epi16(odd_code, factor.high);
  }
  parts[0] = join_bytes(even, kNonNegative ? odd : _mm512_slli_epi16(odd, 8));
  if constexpr (kParts == 2) {
    parts[0] = _mm512_and_si512(parts[0], _mm512_set1_epi8(kPartMask));
    if constexpr (kNonNegative) {
      parts[1] = join_bytes(_mm512_srli_epi16(even, kPartBits), _mm512_mulhi_epu16(odd_code, factor.high));
    } else {
      parts[1] = join_bytes(_mm512_srai_epi16(even, kPartBits), _mm512_slli_epi16(odd, 8 - kPartBits));
    }
  }
}

}  // namespace vivace::VIVACE_ISA
