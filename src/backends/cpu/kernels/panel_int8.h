// The int8 core: a tile of kPanels x 16 rows times kTokens tokens, straight from the packed weights. Every output is
// one loop over K in ascending blocks: exact integers within a scale's columns, then one fixed sequence of f32
// operations, so the bits of an output don't depend on the tile it is computed in.
//   per group of columns with one scale:  sum += float(codes . x) * scale
//   per block:                            total += (sum [- mins . sums of x]) * scale of x
// With VIVACE_EXACT_BLOCKS a block of 256 columns is an exact integer as a whole:
//   per group of columns with one factor: sum += (codes . x) * factor, in integers, or in f32 where that is exact
//                                         (kFloatScales)
//   per block:                            total += (float(sum) * scale [- mins . sums of x]) * scale of x
#pragma once

#include "backends/cpu/kernels/panel_formats.h"
#include "backends/cpu/kernels/prepared_form.h"
#include "backends/cpu/kernels/store_tile.h"

namespace vivace::VIVACE_ISA {

/// How far ahead of a first pass over the weights the memory is asked for, in bytes, line after line. The lines go to
/// the second cache: what asks for the first one (T0, NTA) waits in its few line buffers, and Intel's stay below half
/// of the bandwidth then.
constexpr int kPrefetchAhead = 8192;

/// Where a tile finds its weights.
enum class Weights { kInMemory, kCached };

/// Panels whose scales the scratch holds: a larger step decodes them once for all its tiles of tokens.
constexpr int kScratchPanels = 4;
static_assert(kScratchPanels % kTilePanels == 0);

/// A vector from memory by full loads: gcc copies a pair of registers in pieces, whose stores then stall the load.
VIVACE_SIMD F32x16 fetch(const F32x16& vector) { return load_f32(reinterpret_cast<const float*>(&vector)); }
VIVACE_SIMD I32x16 fetch(const I32x16& vector) { return load_i32(&vector); }

/// result[p][t] for panels at `weight`, panel_bytes apart.
template <class Format, int kPanels, int kTokens, bool kDecoded = false>
struct Int8Tile {
  using Scales = typename Format::Scales;
  static constexpr int kPerGroup = Format::kColumns == 256 ? Format::kScales / 8 : 1;  // scales per 32 columns
  static constexpr int kDwords = 8 / kPerGroup;
  /// k-groups that are summed without a cut: the largest divisor of kDwords that dot_run allows.
  static constexpr int run_within(int limit, int count) {
    return count <= limit ? count : run_within(limit, count / 2);
  }
  static constexpr int kRun = run_within(dot_run(Format::kMaxCode), kDwords);

  using Sums = F32x16[kPanels][kTokens];
  /// The sums within a block: one of 32 columns is no sum, a longer one is exact.
  using Part = typename Format::Factor;
  using Parts = Part[kPanels][kTokens];

  static constexpr bool kExact = kExactBlocks && Format::kColumns == 256;
  /// Whether f32 holds the exact sum of half a block only.
  static constexpr bool kHalves = kExact && Format::kFloatScales == Format::kScales / 2;

  /// The factors of a block's groups; the scale where a block is one group.
  VIVACE_SIMD const Part* factors_of(const Scales& scales) {
    if constexpr (Format::kColumns == 256) {
      return scales.factor;
    } else {
      return &scales.scale;
    }
  }

  /// The k-group that is taken as number n of those under scale s: partners in a nibble follow each other.
  static constexpr int order(int s, int n) { return kPerGroup == 1 ? n / 2 + n % 2 * 4 : s * kDwords + n; }

  /// The negated sum of the columns under scale s; the 256-forms keep sums per 16 columns.
  template <int s>
  VIVACE_SIMD I32x16 column_sum(const int32_t* sums) {
    if constexpr (Format::kColumns == 256 && kPerGroup == 1) return add(set_i32(sums[0]), set_i32(sums[kTokens]));
    return set_i32(sums[s * kTokens]);
  }

  VIVACE_SIMD F32x16 add_product(F32x16 sum, I32x16 total, F32x16 factor) { return fma(to_f32(total), factor, sum); }
  VIVACE_SIMD I32x16 add_product(I32x16 sum, I32x16 total, I32x16 factor) { return add(sum, mul(total, factor)); }
  VIVACE_SIMD void clear(F32x16& sum) { sum = zero_f32(); }
  VIVACE_SIMD void clear(I32x16& sum) { sum = zero_i32(); }
  VIVACE_SIMD F32x16 float_of(F32x16 sum) { return sum; }
  VIVACE_SIMD F32x16 float_of(I32x16 sum) { return to_f32(sum); }

  /// sum += 32 columns; x, sums: the tile's codes and negated sums of these columns; `factor` the factors of the group.
  VIVACE_SIMD void add_group(const uint8_t* const (&group)[kPanels], const int32_t* x, const int32_t* sums,
                             const Part* const (&factor)[kPanels], Parts& sum) {
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
      if constexpr (TokenPairs::kHas && kTokens % 2 == 0) {
        add_token_pairs<s, TokenPairs>(group, x, total);
      } else {
        add_runs<s>(group, x, total);
      }
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        const Part by = fetch(factor[p][s]);
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = add_product(sum[p][t], total[p][t], by); }
      }
    });
  }

  /// total += codes . x for the columns under scale s.
  template <int s>
  VIVACE_SIMD void add_runs(const uint8_t* const (&group)[kPanels], const int32_t* x,
                            I32x16 (&total)[kPanels][kTokens]) {
    unroll<kDwords / kRun>([&](auto run) VIVACE_INLINE_LAMBDA {
      constexpr int kBegin = run * kRun, kEnd = kBegin + kRun;
      if constexpr (kRun < kDwords) {
        add_short_run<s, kBegin, kEnd>(group, x, total);
      } else {
        add_run<s, kBegin, kEnd>(group, x, total);
      }
    });
  }

  /// The same by products of eight columns of two rows and two tokens.
  template <int s, class Pairs>
  VIVACE_SIMD void add_token_pairs(const uint8_t* const (&group)[kPanels], const int32_t* x,
                                   I32x16 (&total)[kPanels][kTokens]) {
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      typename Pairs::Sum sum[kTokens / 2];
      VIVACE_UNROLL for (int t = 0; t < kTokens / 2; ++t) { sum[t] = Pairs::zero(); }
      unroll<kDwords / 2>([&](auto n) VIVACE_INLINE_LAMBDA {
        constexpr int kFirst = order(s, 2 * n), kSecond = order(s, 2 * n + 1);
        const typename Pairs::Codes codes =
            Pairs::join(Format::template codes<kFirst>(group[p]), Format::template codes<kSecond>(group[p]));
        VIVACE_UNROLL for (int t = 0; t < kTokens / 2; ++t) {
          sum[t] = Pairs::dot(sum[t], codes, x + kFirst * kTokens + 2 * t, x + kSecond * kTokens + 2 * t);
        }
      });
      VIVACE_UNROLL for (int t = 0; t < kTokens / 2; ++t) {
        total[p][2 * t] = add(total[p][2 * t], Pairs::first(sum[t]));
        total[p][2 * t + 1] = add(total[p][2 * t + 1], Pairs::second(sum[t]));
      }
    }
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
  VIVACE_SIMD void add_pairs(const Scales* scales, const int32_t* pairs, Sums& sum) {
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

  /// total = the panels at `weight` times the tile. `decoded`: the panels' scales, block by block, or null where they
  /// are decoded here.
  static void multiply(const uint8_t* weight, size_t panel_bytes, int64_t blocks, const TileView& tile,
                       const Scales* decoded, Weights found, Sums& total) {
    constexpr int kGroups = Format::kColumns / 32;
    constexpr int kLines = (Format::kBytes / 64 + kGroups - 1) / kGroups;  // of a panel's block, for each group
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { total[p][t] = zero_f32(); }
    }
    const int32_t* x = tile.codes;
    const int32_t* sums = tile.sums;
    for (int64_t block = 0; block < blocks; ++block) {
      Scales local[kPanels];
      const Scales* scales = kDecoded ? decoded + block * kPanels : local;
      const uint8_t* group[kPanels];
      const Part* factor[kPanels];
      const uint8_t* ahead = weight + block * Format::kBytes + kPrefetchAhead;
      Parts part;
      Sums sum;
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        const uint8_t* at = weight + p * panel_bytes + block * Format::kBytes;
        if constexpr (!kDecoded) Format::scales(at, local[p]);
        group[p] = at + Format::kGroups;
        factor[p] = factors_of(scales[p]);
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
          clear(part[p][t]);
          if constexpr (kHalves) sum[p][t] = zero_f32();
        }
      }
      for (int g = 0; g < kGroups; ++g) {
        if constexpr (kHalves) {
          if (g == kGroups / 2) {
            VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
              VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
                sum[p][t] = part[p][t];
                clear(part[p][t]);
              }
            }
          }
        }
        add_group(group, x, sums, factor, part);
        x += 8 * kTokens;
        sums += (Format::kColumns == 256 ? 2 : 1) * kTokens;
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
          group[p] += Format::kGroupBytes;
          factor[p] += kPerGroup;
        }
        if (found == Weights::kInMemory) {
          for (int p = 0; p < kPanels; ++p) {
            for (int i = 0; i < kLines; ++i) prefetch_far(ahead + p * panel_bytes + 64 * i);
          }
          ahead += 64 * kLines;
        }
      }
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
          if constexpr (kHalves) {
            sum[p][t] = add(sum[p][t], part[p][t]);
          } else {
            sum[p][t] = float_of(part[p][t]);
          }
          if constexpr (kExact) sum[p][t] = mul(sum[p][t], fetch(scales[p].scale));
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
  static void run(const MatmulCall& call, const uint8_t* form, int64_t row, int token, int lanes,
                  const Scales* decoded = nullptr) {
    const Weights found = token > 0 ? Weights::kCached : Weights::kInMemory;
    const int64_t blocks = call.columns / Format::kColumns;
    const size_t panel_bytes = static_cast<size_t>(blocks) * Format::kBytes;
    const TileView tile(form, Format::kKind, call.columns, token, kTokens);
    // The stores at the end go to other pages for each token: their lines come while the tile is summed.
    for (int t = 0; t < lanes; ++t) {
      for (int p = 0; p < kPanels; ++p) prefetch_write(call.output + (token + t) * call.output_stride + row + 16 * p);
    }
    Sums total;
    multiply(call.weight + row / 16 * panel_bytes, panel_bytes, blocks, tile, decoded, found, total);
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

/// The scales of `panels` panels from `row` on, as tiles of kTilePanels read them: pair after pair, block after block.
template <class Format>
static void decode_scales(const MatmulCall& call, int64_t row, int panels, typename Format::Scales* decoded) {
  const int64_t blocks = call.columns / Format::kColumns;
  const uint8_t* weight = call.weight + row / 16 * blocks * Format::kBytes;
  for (int pair = 0; pair < panels; pair += kTilePanels, weight += kTilePanels * blocks * Format::kBytes) {
    for (int64_t block = 0; block < blocks; ++block) {
      for (int p = 0; p < kTilePanels; ++p) Format::scales(weight + (p * blocks + block) * Format::kBytes, *decoded++);
    }
  }
}

/// Whole tiles of kTilePanels panels and kTileTokens tokens: rows [begin, end), at most kScratchPanels panels.
template <class Format>
static void multiply_tiles(const MatmulCall& call, const uint8_t* form, int64_t begin, int64_t end, int tokens) {
  constexpr bool kDecoded = Format::kColumns == 256;  // otherwise a scale is one load, decoded or not
  using Scales = typename Format::Scales;
  const int panels = static_cast<int>((end - begin) / 16);
  Scales* const decoded = reinterpret_cast<Scales*>(call.scratch);
  if constexpr (kDecoded) decode_scales<Format>(call, begin, panels, decoded);
  const int64_t pair_scales = kTilePanels * (call.columns / Format::kColumns);
  for (int token = 0; token < tokens; token += kTileTokens) {
    for (int pair = 0; pair < panels; pair += kTilePanels) {
      const Scales* scales = kDecoded ? decoded + pair / kTilePanels * pair_scales : nullptr;
      Int8Tile<Format, kTilePanels, kTileTokens, kDecoded>::run(call, form, begin + 16 * pair, token, kTileTokens,
                                                                scales);
    }
  }
}

/// A small step passes over the weights panel by panel. A larger one takes tile after tile of tokens, whose activations
/// then stay in the first cache while the panels stay in the second.
template <class Format>
static void multiply_int8(const MatmulCall& call) {
  const uint8_t* form = prepared_form(call.prepared, call.prepared_kinds, Format::kKind, call.columns, call.tokens);
  const TokenTiles tiles{call.tokens};
  int64_t row = call.row_begin;
  if (!tiles.is_small()) {
    const int whole = call.tokens / kTileTokens * kTileTokens;
    for (int64_t end; call.row_end - row >= 16 * kTilePanels; row = end) {
      const int64_t most = 16 * kScratchPanels, tile = 16 * kTilePanels;
      end = row + (call.row_end - row < most ? (call.row_end - row) / tile * tile : most);
      multiply_tiles<Format>(call, form, row, end, whole);
      if (whole == call.tokens) continue;
      for (int64_t at = row; at < end; at += 16) run_int8_panel<Format>(call, form, at, whole, call.tokens - whole);
    }
  }
  for (; row < call.row_end; row += 16) {
    for (int token = 0; token < call.tokens; token += tiles.size()) {
      run_int8_panel<Format>(call, form, row, token, tiles.count_at(token));
    }
  }
}

/// Rows of f32 scratch, call.columns each, that hold the decoded scales of kScratchPanels panels.
template <class Format>
constexpr int32_t int8_scratch_rows() {
  constexpr size_t kRowBytes = Format::kColumns * sizeof(float);
  return Format::kColumns == 256 ? (kScratchPanels * sizeof(typename Format::Scales) + kRowBytes - 1) / kRowBytes : 0;
}

}  // namespace vivace::VIVACE_ISA
