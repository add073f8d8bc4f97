// The int8 core: a tile of kPanels x 16 rows times kTokens tokens, straight from the packed weights. Every output is
// one loop over K in ascending blocks: exact integers within a scale's columns, then one fixed sequence of f32
// operations, so the bits of an output don't depend on the tile it is computed in.
//   per group of columns with one scale:  sum += float(codes . x) * scale
//   per block:                            total += (sum [- mins . sums of x]) * scale of x
#pragma once

#include "backends/cpu/kernels/panel_formats.h"
#include "backends/cpu/kernels/prepare.h"
#include "backends/cpu/kernels/store_tile.h"

namespace vivace::VIVACE_ISA {

/// How far ahead of a single pass over the weights the memory is asked for, in bytes.
constexpr int kPrefetchAhead = 4096;

/// A vector from memory by full loads: gcc copies a pair of registers in pieces, whose stores then stall the load.
VIVACE_SIMD F32x16 fetch(const F32x16& vector) { return load_f32(reinterpret_cast<const float*>(&vector)); }
VIVACE_SIMD I32x16 fetch(const I32x16& vector) { return load_i32(&vector); }

/// result[p][t] for panels at `weight`, panel_bytes apart.
template <class Format, int kPanels, int kTokens>
struct Int8Tile {
  static constexpr int kPerGroup = Format::kColumns == 256 ? Format::kScales / 8 : 1;  // scales per 32 columns
  static constexpr int kDwords = 8 / kPerGroup;
  /// k-groups that are summed without a cut: the largest divisor of kDwords that dot_run allows.
  static constexpr int run_within(int limit, int count) {
    return count <= limit ? count : run_within(limit, count / 2);
  }
  static constexpr int kRun = run_within(dot_run(Format::kMaxCode), kDwords);

  using Sums = F32x16[kPanels][kTokens];

  /// The k-group that is taken as number n of those under scale s: partners in a nibble follow each other.
  static constexpr int order(int s, int n) { return kPerGroup == 1 ? n / 2 + n % 2 * 4 : s * kDwords + n; }

  /// The negated sum of the columns under scale s; the 256-forms keep sums per 16 columns.
  template <int s>
  VIVACE_SIMD I32x16 column_sum(const int32_t* sums) {
    if constexpr (Format::kColumns == 256 && kPerGroup == 1) return add(set_i32(sums[0]), set_i32(sums[kTokens]));
    return set_i32(sums[s * kTokens]);
  }

  /// sum += 32 columns; x, sums: the tile's codes and negated sums of these columns; `scale` the scales of the group.
  VIVACE_SIMD void add_group(const uint8_t* const (&group)[kPanels], const int32_t* x, const int32_t* sums,
                             const F32x16* const (&scale)[kPanels], Sums& sum) {
    unroll<kPerGroup>([&](auto s) VIVACE_INLINE_LAMBDA {
      I32x16 total[kPanels][kTokens];
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        if constexpr (Format::kOffsetBits >= 0) {
          total[0][t] = shl<Format::kOffsetBits>(column_sum<s>(sums + t));
        } else {
          total[0][t] = zero_i32();
        }
        VIVACE_UNROLL for (int p = 1; p < kPanels; ++p) total[p][t] = total[0][t];
      }
      unroll<kDwords / kRun>([&](auto run) VIVACE_INLINE_LAMBDA {
        constexpr int kBegin = run * kRun, kEnd = kBegin + kRun;
        if constexpr (kRun < kDwords) {
          add_short_run<s, kBegin, kEnd>(group, x, total);
        } else {
          add_run<s, kBegin, kEnd>(group, x, total);
        }
      });
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        const F32x16 factor = fetch(scale[p][s]);
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = fma(to_f32(total[p][t]), factor, sum[p][t]); }
      }
    });
  }

  /// k-groups number [kBegin, kEnd) of a scale, summed without a cut.
  template <int s, int kBegin, int kEnd>
  VIVACE_SIMD void add_run(const uint8_t* const (&group)[kPanels], const int32_t* x,
                           I32x16 (&total)[kPanels][kTokens]) {
    I32x16 part[kPanels][kTokens];
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { part[p][t] = dot_begin(total[p][t]); }
    }
    unroll_range<kBegin, kEnd>([&](auto n) VIVACE_INLINE_LAMBDA {
      constexpr int kAt = order(s, n);
      I32x16 codes[kPanels];
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { codes[p] = Format::template codes<kAt>(group[p]); }
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        const I32x16 value = set_i32(x[kAt * kTokens + t]);
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
          part[p][t] = dot<Format::kSigned>(part[p][t], codes[p], value);
        }
      }
    });
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { total[p][t] = dot_end(total[p][t], part[p][t]); }
    }
  }

  /// The same where sums are cut: codes first, then token by token, so that a part lives in few registers.
  template <int s, int kBegin, int kEnd>
  VIVACE_SIMD void add_short_run(const uint8_t* const (&group)[kPanels], const int32_t* x,
                                 I32x16 (&total)[kPanels][kTokens]) {
    I32x16 codes[kEnd - kBegin][kPanels];
    unroll_range<kBegin, kEnd>([&](auto n) VIVACE_INLINE_LAMBDA {
      constexpr int kAt = order(s, n);
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { codes[n - kBegin][p] = Format::template codes<kAt>(group[p]); }
    });
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
      I32x16 part[kPanels];
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { part[p] = dot_begin(total[p][t]); }
      unroll_range<kBegin, kEnd>([&](auto n) VIVACE_INLINE_LAMBDA {
        const I32x16 value = set_i32(x[order(s, n) * kTokens + t]);
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
          part[p] = dot<Format::kSigned>(part[p], codes[n - kBegin][p], value);
        }
      });
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { total[p][t] = dot_end(total[p][t], part[p]); }
    }
  }

  /// sum += mins * sums of x, for the K-quants.
  VIVACE_SIMD void add_pairs(const typename Format::Scales (&scales)[kPanels], const int32_t* pairs, Sums& sum) {
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        I32x16 mins = zero_i32();
        unroll<Format::Scales::kPairs>([&](auto i) VIVACE_INLINE_LAMBDA {
          mins = dot16(mins, fetch(scales[p].pairs[i]), set_i32(pairs[i * kTokens + t]));
        });
        sum[p][t] = fma(to_f32(mins), fetch(scales[p].min), sum[p][t]);
      }
    }
  }

  static void multiply(const uint8_t* weight, size_t panel_bytes, int64_t blocks, const TileView& tile, Sums& total) {
    constexpr int kGroups = Format::kColumns / 32;
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { total[p][t] = zero_f32(); }
    }
    const int32_t* x = tile.codes;
    const int32_t* sums = tile.sums;
    for (int64_t block = 0; block < blocks; ++block) {
      typename Format::Scales scales[kPanels];
      const uint8_t* group[kPanels];
      const F32x16* scale[kPanels];
      Sums sum;
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        const uint8_t* at = weight + p * panel_bytes + block * Format::kBytes;
        Format::scales(at, scales[p]);
        group[p] = at + Format::kGroups;
        scale[p] = scales[p].scale;
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = zero_f32(); }
        if constexpr (kPanels == 1 && kGroups == 1) {
          for (int i = 0; i < Format::kBytes; i += 64) prefetch(at + kPrefetchAhead + i);
        }
      }
      for (int g = 0; g < kGroups; ++g) {
        add_group(group, x, sums, scale, sum);
        x += 8 * kTokens;
        sums += (Format::kColumns == 256 ? 2 : 1) * kTokens;
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
          if constexpr (kPanels == 1 && kGroups > 1) {
            for (int i = 0; i < Format::kGroupBytes; i += 64) prefetch(group[p] + kPrefetchAhead + i);
          }
          group[p] += Format::kGroupBytes;
          scale[p] += kPerGroup;
        }
      }
      if constexpr (Format::kMins == Mins::kPairs32) add_pairs(scales, tile.pairs32 + block * 4 * kTokens, sum);
      if constexpr (Format::kMins == Mins::kPairs16) add_pairs(scales, tile.pairs16 + block * 8 * kTokens, sum);
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        const F32x16 step = set_f32(tile.scales[block * kTokens + t]);
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { total[p][t] = fma(sum[p][t], step, total[p][t]); }
        if constexpr (Format::kMins == Mins::kBlock) {
          const F32x16 mass = set_f32(tile.scaled_sums[block * kTokens + t]);
          VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { total[p][t] = fma(scales[p].min, mass, total[p][t]); }
        }
      }
    }
  }

  /// The tile's outputs: panels from `row` on, tokens from `token` on, of which `lanes` exist.
  static void run(const MatmulCall& call, const uint8_t* form, int64_t row, int token, int lanes) {
    const size_t panel_bytes = static_cast<size_t>(call.columns / Format::kColumns) * Format::kBytes;
    const TileView tile(form, Format::kKind, call.columns, token, kTokens);
    Sums total;
    multiply(call.weight + row / 16 * panel_bytes, panel_bytes, call.columns / Format::kColumns, tile, total);
    store_tile<kPanels, kTokens>(call, total, row, token, lanes);
  }
};

/// One panel; the tile is the smallest that is compiled and holds the lanes.
template <class Format, int kTokens = 1>
static void run_int8_panel(const MatmulCall& call, const uint8_t* form, int64_t row, int token, int lanes) {
  if constexpr (padded_tokens(kTokens) < padded_tokens(kMostTokens)) {
    if (lanes > kTokens) return run_int8_panel<Format, padded_tokens(kTokens + 1)>(call, form, row, token, lanes);
  }
  Int8Tile<Format, 1, kTokens>::run(call, form, row, token, lanes);
}

/// A small step passes once over the weights, panel by panel. A larger one takes tile after tile of tokens, whose
/// activations then stay in the first cache while the chunk's weights stay in the second.
template <class Format>
static void multiply_int8(const MatmulCall& call) {
  const uint8_t* form = prepared_form(call.prepared, call.prepared_kinds, Format::kKind, call.columns, call.tokens);
  const TokenTiles tiles{call.tokens};
  for (int token = 0; token < call.tokens;) {
    const int lanes = tiles.count_at(token);
    int64_t row = call.row_begin;
    if constexpr (kTilePanels > 1) {
      if (call.tokens > kSingleTokens && lanes == kTileTokens) {
        for (; row + 16 * (kTilePanels - 1) < call.row_end; row += 16 * kTilePanels) {
          Int8Tile<Format, kTilePanels, kTileTokens>::run(call, form, row, token, lanes);
        }
      }
    }
    for (; row < call.row_end; row += 16) run_int8_panel<Format>(call, form, row, token, lanes);
    token += lanes;
  }
}

}  // namespace vivace::VIVACE_ISA
