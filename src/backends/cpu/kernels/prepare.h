// Activations as int8 codes, in the order in which the panel kernels read them. The rows of a step are cut into tiles
// of T rows (TokenTiles); a tile holds its parts one after the other, each as [blocks of the row][T] dwords:
//   kInt8Block32:  codes [K/4] (four columns a dword), -sum of codes [K/32], scale [K/32], scale * sum [K/32]
//   kInt8Block256: codes [K/4], -sum of codes [K/16], int16 pairs of sums per 32 [K/256][4] and per 16 [K/256][8],
//                  scale [K/256]
// Pairs are (0, 2), (1, 3), (4, 6), ... as the bytes of a dword fall apart into even and odd.
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/cpu/kernels/unroll.h"

namespace vivace::VIVACE_ISA {

/// Sizes of the tiles that the kernels are compiled for; a tile may have more lanes than rows.
constexpr int padded_tokens(int tokens) { return tokens <= 2 ? tokens : (tokens + 1) / 2 * 2; }
constexpr int kMostTokens = kSingleTokens > kTileTokens ? kSingleTokens : kTileTokens;

/// How the rows of a step are cut into tiles: one or two for a small step, else tiles of kTileTokens and the rest.
struct TokenTiles {
  int tokens;
  constexpr bool is_small() const { return tokens <= (kSingleTokens > kTileTokens ? 2 : 1) * kSingleTokens; }
  constexpr int size() const {
    if (tokens <= kSingleTokens) return tokens;
    return is_small() ? padded_tokens((tokens + 1) / 2) : kTileTokens;
  }
  constexpr int begin_of(int row) const { return row / size() * size(); }
  constexpr int count_at(int begin) const { return tokens - begin < size() ? tokens - begin : size(); }
};

constexpr int64_t prepared_dwords(uint32_t kind, int64_t columns) {
  return kind == kInt8Block32 ? columns / 32 * 11 : columns / 256 * 93;
}

constexpr size_t prepared_kind_bytes(uint32_t kind, int64_t columns, int rows) {
  const int64_t padded = (rows + kTileTokens - 1) / kTileTokens * kTileTokens;
  return static_cast<size_t>((padded * prepared_dwords(kind, columns) * 4 + 63) / 64 * 64);
}

static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows) {
  size_t bytes = 0;
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (kinds & kind) bytes += prepared_kind_bytes(kind, columns, rows);
  }
  return bytes;
}

/// Where one kind begins in a prepared activation of `rows` rows.
static const uint8_t* prepared_form(const uint8_t* prepared, uint32_t kinds, uint32_t kind, int64_t columns, int rows) {
  return kind == kInt8Block256 && (kinds & kInt8Block32) ? prepared + prepared_kind_bytes(kInt8Block32, columns, rows)
                                                         : prepared;
}

/// The parts of one tile.
template <class Byte, class Int, class Float>
struct TileParts {
  Int* codes;
  Int* sums;
  Int* pairs32;  // kInt8Block256 only
  Int* pairs16;  // kInt8Block256 only
  Float* scales;
  Float* scaled_sums;  // kInt8Block32 only

  TileParts(Byte* form, uint32_t kind, int64_t columns, int begin, int lanes) {
    Int* dwords = reinterpret_cast<Int*>(form) + begin * prepared_dwords(kind, columns);
    codes = dwords;
    sums = codes + columns / 4 * lanes;
    pairs32 = pairs16 = nullptr;
    scaled_sums = nullptr;
    if (kind == kInt8Block32) {
      scales = reinterpret_cast<Float*>(sums + columns / 32 * lanes);
      scaled_sums = scales + columns / 32 * lanes;
    } else {
      pairs32 = sums + columns / 16 * lanes;
      pairs16 = pairs32 + columns / 64 * lanes;
      scales = reinterpret_cast<Float*>(pairs16 + columns / 32 * lanes);
    }
  }
  void move_to_lane(int lane) {
    codes += lane;
    sums += lane;
    scales += lane;
    if (pairs32) pairs32 += lane, pairs16 += lane;
    if (scaled_sums) scaled_sums += lane;
  }
};
using TileView = TileParts<const uint8_t, const int32_t, const float>;
using TileStore = TileParts<uint8_t, int32_t, float>;

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

/// Two int16 as they lie in a dword.
constexpr int32_t pair16(int32_t low, int32_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xFFFFu) | static_cast<uint32_t>(high) << 16);
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
