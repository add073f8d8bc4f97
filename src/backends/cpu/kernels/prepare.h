// Activations to int8 codes, in the order of prepared_form.h.
#pragma once

#include "backends/cpu/kernels/pair16.h"
#include "backends/cpu/kernels/prepared_form.h"
#include "backends/cpu/kernels/unroll.h"

namespace vivace::VIVACE_ISA {

static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows) {
  size_t bytes = 0;
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (kinds & kind) bytes += prepared_kind_bytes(kind, columns, rows);
  }
  return bytes;
}

/// Scale of a block whose largest magnitude is `largest`, and its inverse; a block too small to divide by is zero.
VIVACE_SIMD float code_scale(float largest, float& inverse) {
  if (largest < 1e-35f) {
    inverse = 0.0f;
    return 0.0f;
  }
  const float scale = largest / 127.0f;
  inverse = 1.0f / scale;
  return scale;
}

/// Quantises 16 values to four dwords, `lanes` apart; returns the codes.
VIVACE_SIMD I32x16 store_codes(const float* values, F32x16 inverse, int32_t* codes, int lanes) {
  const I32x16 rounded = to_i32(mul(load_f32(values), inverse));
  int32_t dwords[4];
  store_i8(dwords, rounded);
  for (int i = 0; i < 4; ++i) codes[i * lanes] = dwords[i];
  return rounded;
}

static void prepare_blocks32(const float* values, int64_t columns, int lanes, const TileStore& tile) {
  for (int64_t block = 0; block < columns / 32; ++block) {
    const float* x = values + block * 32;
    float inverse;
    const float scale = code_scale(reduce_max(max(abs(load_f32(x)), abs(load_f32(x + 16)))), inverse);
    const F32x16 factor = set_f32(inverse);
    int32_t* codes = tile.codes + block * 8 * lanes;
    const I32x16 first = store_codes(x, factor, codes, lanes);
    const I32x16 second = store_codes(x + 16, factor, codes + 4 * lanes, lanes);
    const int32_t sum = reduce_add(add(first, second));
    tile.sums[block * lanes] = -sum;
    tile.scales[block * lanes] = scale;
    tile.scaled_sums[block * lanes] = scale * static_cast<float>(sum);
  }
}

static void prepare_blocks256(const float* values, int64_t columns, int lanes, const TileStore& tile) {
  for (int64_t block = 0; block < columns / 256; ++block) {
    const float* x = values + block * 256;
    F32x16 largest = abs(load_f32(x));
    for (int i = 16; i < 256; i += 16) largest = max(largest, abs(load_f32(x + i)));
    float inverse;
    tile.scales[block * lanes] = code_scale(reduce_max(largest), inverse);
    const F32x16 factor = set_f32(inverse);
    int32_t sums[16];
    for (int i = 0; i < 16; ++i) {
      sums[i] = reduce_add(store_codes(x + 16 * i, factor, tile.codes + (block * 64 + i * 4) * lanes, lanes));
      tile.sums[(block * 16 + i) * lanes] = -sums[i];
    }
    for (int i = 0; i < 8; ++i) {
      const int at = i / 2 * 4 + i % 2;
      tile.pairs16[(block * 8 + i) * lanes] = pair16(sums[at], sums[at + 2]);
    }
    for (int i = 0; i < 4; ++i) {
      const int at = i / 2 * 8 + i % 2 * 2;
      tile.pairs32[(block * 4 + i) * lanes] = pair16(sums[at] + sums[at + 1], sums[at + 4] + sums[at + 5]);
    }
  }
}

static void prepare(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                    int32_t row_end, int32_t rows, uint8_t* prepared) {
  const TokenTiles tiles{rows};
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (!(kinds & kind)) continue;
    uint8_t* form = const_cast<uint8_t*>(prepared_form(prepared, kinds, kind, columns, rows));
    for (int row = row_begin; row < row_end; ++row) {
      const int begin = tiles.begin_of(row);
      const int lanes = padded_tokens(tiles.count_at(begin));
      TileStore tile(form, kind, columns, begin, lanes);
      tile.move_to_lane(row - begin);
      const float* x = values + (row - row_begin) * stride;
      (kind == kInt8Block32 ? prepare_blocks32 : prepare_blocks256)(x, columns, lanes, tile);
    }
  }
}

}  // namespace vivace::VIVACE_ISA
