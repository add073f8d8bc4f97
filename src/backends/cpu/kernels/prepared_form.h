// Activations as int8 codes, in the order in which the panel kernels read them. The rows of a step are cut into tiles
// of T rows (TokenTiles); a tile holds its parts one after the other, each as [blocks of the row][T] dwords:
//   kInt8Block32:  codes [K/4] (four columns a dword), -sum of codes [K/32], scale [K/32], scale * sum [K/32]
//   kInt8Block256: codes [K/4], -sum of codes [K/16], int16 pairs of sums per 32 [K/256][4] and per 16 [K/256][8],
//                  scale [K/256]
// Pairs are (0, 2), (1, 3), (4, 6), ... as the bytes of a dword fall apart into even and odd.
#pragma once

#include "backends/cpu/kernel_table.h"

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

  TileParts() = default;
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

}  // namespace vivace::VIVACE_ISA
