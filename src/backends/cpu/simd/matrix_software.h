// The matrix unit in plain C++: the twin of simd/avx512amx.h and its documentation. No processor needs it: the tests
// run the kernels of panel_matrix.h over it on machines without a unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/simd/matrix_parts.h"

namespace vivace::VIVACE_ISA {

/// Products of kColumns columns, added up in tiles. An object holds the thread's unit, which has the shape of these
/// products meanwhile.
template <int kColumns>
struct MatrixUnit {
  /// Makes tiles 0.. zero.
  template <int kTiles>
  void clear() {
    for (auto& tile : tiles_) {
      for (int32_t& sum : tile) sum = 0;
    }
  }
  /// The codes of 16 tokens, 64 bytes apart: factors of the next products.
  void load_tokens(const uint8_t* x) { tokens_ = x; }
  /// tile[t][r] += sum over columns k of tokens[t][k] * weights[k / 4][r][k % 4], for 16 tokens t and 16 rows r; all
  /// bytes are signed.
  template <int kTile>
  void add(const uint8_t* weights) {
    for (int i = 0; i < 256; ++i) {
      const int t = i / 16, r = i % 16;
      for (int k = 0; k < kColumns; ++k) {
        const int8_t w = static_cast<int8_t>(weights[k / 4 * 64 + r * 4 + k % 4]);
        tiles_[kTile][i] += static_cast<int8_t>(tokens_[t * 64 + k]) * w;
      }
    }
  }
  /// Writes tiles 0.., one behind the other.
  template <int kTiles>
  void store(int32_t* products) const {
    __builtin_memcpy(products, tiles_, sizeof(tiles_[0]) * kTiles);
  }

 private:
  const uint8_t* tokens_ = nullptr;
  int32_t tiles_[4][256];
};

/// A factor as multiply_codes() takes it: -128..127, or 0..63 where neither it nor the codes are negative.
template <bool kNonNegative>
struct CodeFactor {
  explicit CodeFactor(I32x16 f) : factor(f) {}
  I32x16 factor;
};

/// Each of the four signed bytes of a lane, kOffset lower.
template <int kOffset>
VIVACE_SIMD I32x16 meant_codes(I32x16 codes) {
  int8_t bytes[64];
  __builtin_memcpy(bytes, &codes, sizeof(bytes));
  for (int8_t& byte : bytes) byte = static_cast<int8_t>(byte - kOffset);
  return load_i32(bytes);
}

/// For each of the four signed bytes of a lane, which may be meant kOffset lower: byte * factor, in one byte, or in two
/// parts of a byte, product = parts[1] * 2^kPartBits + parts[0].
template <int kOffset, int kParts, bool kNonNegative>
VIVACE_SIMD void multiply_codes(I32x16 codes, const CodeFactor<kNonNegative>& factors, I32x16 (&parts)[kParts]) {
  int8_t bytes[64], part[kParts][64];
  int32_t by[16];
  __builtin_memcpy(bytes, &codes, sizeof(bytes));
  __builtin_memcpy(by, &factors.factor, sizeof(by));
  for (int i = 0; i < 64; ++i) {
    const int product = (bytes[i] - kOffset) * by[i / 4];
    part[0][i] = static_cast<int8_t>(kParts == 1 ? product : product & kPartMask);
    if constexpr (kParts == 2) part[1][i] = static_cast<int8_t>(product >> kPartBits);
  }
  for (int i = 0; i < kParts; ++i) parts[i] = load_i32(part[i]);
}

}  // namespace vivace::VIVACE_ISA
