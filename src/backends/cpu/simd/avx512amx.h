// AVX-512 with AMX: TDPBSSD multiplies 16 x 64 by 64 x 16 signed bytes and adds in 32 bits. See simd/scalar.h and
// simd/matrix_software.h. The tokens' tiles must be those of avx512vnni.
#pragma once

#include "backends/cpu/simd/avx512_base.h"

namespace vivace::VIVACE_ISA {

constexpr const char* kIsaName = "avx512amx";

constexpr bool kSignedDot = true;

VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) {
  return _mm512_add_epi32(accumulator, _mm512_madd_epi16(a, b));
}

/// The shapes of the tile registers, as LDTILECFG reads them.
struct alignas(64) TileShapes {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileShapes) == 64);

template <int kColumns>
struct MatrixUnit {
  /// Tile 0: the product, 1: the tokens, 2: the weights.
  static constexpr TileShapes kShapes = {1, 0, {}, {64, kColumns, 64}, {16, 16, kColumns / 4}};

  MatrixUnit() { _tile_loadconfig(&kShapes); }
  ~MatrixUnit() { _tile_release(); }
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;

  __attribute__((always_inline)) void multiply(const uint8_t* x, const uint8_t* weights, int32_t* product) const {
    __asm__ volatile("" ::: "memory");  // gcc's tile loads do not say that they read memory
    _tile_zero(0);
    _tile_loadd(1, x, 64);
    _tile_loadd(2, weights, 64);
    _tile_dpbssd(0, 1, 2);
    _tile_stored(0, product, 64);
  }
};

}  // namespace vivace::VIVACE_ISA
