// Int8 panels on hardware that multiplies matrices (AMX): 16 rows of a panel times 16 tokens at once, for steps of many
// tokens. This is a table on top of another one, which knows every other format and form, and the small steps. What is
// summed before the first rounding is an exact integer and the f32 operations are those of panel_int8.h in the same
// order, so an output has the bits that the other table would give it.
//
// A unit multiplies much faster than vectors round: a block of 256 columns goes through it whole. Its codes are
// multiplied by their factors first, and products that need more than a byte go in as two parts (simd/matrix_parts.h),
// each with a sum of its own. A block of 32 columns has a scale of its own, hence a sum.
//
// One factor is a panel unpacked: a vector of codes is 16 rows x 4 columns, as the unit wants them. The other are the
// tokens' codes and what belongs to them, which lie behind the base's forms for every 16 tokens (UnitForm). The base's
// forms give them, so both tables must have the same tiles of tokens (simd/, k...Tokens).
#pragma once

#include <type_traits>

#include "backends/cpu/detect.h"
#include "backends/cpu/kernels/panel_formats.h"
#if defined(VIVACE_PAIR_UNIT)  // the includer's unit multiplies pairs of BF16 as well
#include "backends/cpu/kernels/panel_pairs_matrix.h"
#endif
#include "backends/cpu/kernels/prepared_form.h"
#include "backends/cpu/kernels/store_tile.h"
#include "backends/cpu/kernels/table_above.h"

namespace vivace::VIVACE_ISA {

static_assert(kSignedDot, "the unit multiplies signed codes by signed codes");

constexpr int kUnitTokens = 16;  // of one product
constexpr int kUnitStep = 64;    // columns of a tile of tokens, a cache line of codes

/// A small step is faster without the unit: unpacking takes as long as multiplying some ten tokens.
static bool needs_unit(uint32_t kind, int tokens) {
  constexpr int kLeastOfBlocks = 25;
  return !TokenTiles{tokens}.is_small() && (kind == kInt8Block256 || tokens >= kLeastOfBlocks);
}

/// Whether a step whose forms are `kinds` has the unit's form of this kind.
static bool has_unit_form(uint32_t kinds, uint32_t kind, int rows) { return (kinds & kind) && needs_unit(kind, rows); }

/// Codes of 16 tokens and the dwords that belong to them, one kind after the other:
///   kInt8Block32:  for each 16 tokens codes [K/64][16 tokens][64], then for each block [2][16 tokens]: scale, scale *
///   sum kInt8Block256: for each block and 16 tokens codes [4][16 tokens][64], then [13][16 tokens]: scale, 4 pairs of
///   sums
///                  per 32, 8 pairs of sums per 16
struct UnitForm {
  static constexpr size_t kSuperCodes = 256 * kUnitTokens, kSuperBytes = kSuperCodes + 13 * 64;

  uint8_t* data;
  uint32_t kind;
  int64_t columns;
  int64_t groups;

  /// data: where the form begins.
  UnitForm(const uint8_t* form, uint32_t which, int64_t k, int rows)
      : data(const_cast<uint8_t*>(form)), kind(which), columns(k), groups((rows + kUnitTokens - 1) / kUnitTokens) {}

  size_t codes_bytes() const { return static_cast<size_t>((columns + 63) / 64) * 64 * kUnitTokens; }
  size_t group_bytes() const { return codes_bytes() + static_cast<size_t>(columns / 32) * 2 * 64; }
  size_t bytes() const {
    return static_cast<size_t>(groups) *
           (kind == kInt8Block32 ? group_bytes() : static_cast<size_t>(columns / 256) * kSuperBytes);
  }

  /// The codes of a group from a block on. Of kInt8Block32 the rest of the row follows.
  uint8_t* codes(int64_t group, int64_t block) const {
    if (kind == kInt8Block256) return data + static_cast<size_t>(block * groups + group) * kSuperBytes;
    return data + static_cast<size_t>(group) * group_bytes() + block / 2 * 1024 + block % 2 * 32;
  }
  /// The dwords that belong to a group's block.
  uint8_t* companions(int64_t group, int64_t block) const {
    if (kind == kInt8Block256) return codes(group, block) + kSuperCodes;
    return data + static_cast<size_t>(group) * group_bytes() + codes_bytes() + block * 2 * 64;
  }
};

/// The unit's form of a kind, for a step of `rows` rows.
static UnitForm unit_form(const uint8_t* prepared, uint32_t kinds, uint32_t kind, int32_t columns, int rows) {
  const UnitForm first(prepared + base_table().prepared_bytes(kinds, columns, rows), kInt8Block32, columns, rows);
  const bool behind = kind == kInt8Block256 && has_unit_form(kinds, kInt8Block32, rows);
  return {first.data + (behind ? first.bytes() : 0), kind, columns, rows};
}

static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows) {
  size_t bytes = base_table().prepared_bytes(kinds, columns, rows);
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (has_unit_form(kinds, kind, rows)) bytes += UnitForm(nullptr, kind, columns, rows).bytes();
  }
  return bytes;
}

/// `count` dwords, `lanes` apart, to lines of 16 tokens.
static void copy_dwords(const void* from, int64_t first, int lanes, uint8_t* to, int count) {
  const uint8_t* dword = static_cast<const uint8_t*>(from) + first * lanes * 4;
  for (int i = 0; i < count; ++i) __builtin_memcpy(to + 64 * i, dword + i * lanes * 4, 4);
}

/// One block of a token, as the base's form has it, to its place in a group.
static void copy_block(const TileView& from, int lanes, int64_t block, const UnitForm& to, int64_t group, int lane) {
  const int columns = to.kind == kInt8Block32 ? 32 : 256;
  uint8_t* codes = to.codes(group, block) + lane * kUnitStep;
  const int32_t* dword = from.codes + block * columns / 4 * lanes;
  for (int i = 0; i < columns / 4; ++i) __builtin_memcpy(codes + i / 16 * 1024 + i % 16 * 4, dword + i * lanes, 4);
  uint8_t* companions = to.companions(group, block) + lane * 4;
  copy_dwords(from.scales, block, lanes, companions, 1);
  if (to.kind == kInt8Block32) {
    copy_dwords(from.scaled_sums, block, lanes, companions + 64, 1);
  } else {
    copy_dwords(from.pairs32, block * 4, lanes, companions + 64, 4);
    copy_dwords(from.pairs16, block * 8, lanes, companions + 5 * 64, 8);
  }
}

static void prepare(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                    int32_t row_end, int32_t rows, uint8_t* prepared) {
  base_table().prepare(kinds, values, stride, columns, row_begin, row_end, rows, prepared);
  const TokenTiles tiles{rows};
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (!has_unit_form(kinds, kind, rows)) continue;
    const uint8_t* form = prepared_form(prepared, kinds, kind, columns, rows);
    const UnitForm unit = unit_form(prepared, kinds, kind, columns, rows);
    for (int row = row_begin; row < row_end; ++row) {
      const int begin = tiles.begin_of(row);
      const int lanes = padded_tokens(tiles.count_at(begin));
      TileView from(form, kind, columns, begin, lanes);
      from.move_to_lane(row - begin);
      for (int64_t block = 0; block < columns / (kind == kInt8Block32 ? 32 : 256); ++block) {
        copy_block(from, lanes, block, unit, row / kUnitTokens, row % kUnitTokens);
      }
    }
  }
}

/// Products of 16 tokens and 16 rows.
struct alignas(64) Product {
  int32_t sum[kUnitTokens][16];
};

/// How much lower than its code a weight is meant.
template <class Format>
constexpr int kCodeOffset = Format::kOffsetBits < 0 ? 0 : 1 << Format::kOffsetBits;

/// Codes and factors of formats with mins count from 0 on.
template <class Format>
constexpr bool kNonNegative = Format::kMins != Mins::kNone;

/// A call and where its tokens' groups are.
template <class Format>
struct UnitCall {
  const MatmulCall& call;
  int64_t blocks;
  UnitForm form;

  explicit UnitCall(const MatmulCall& c)
      : call(c),
        blocks(c.columns / Format::kColumns),
        form(unit_form(c.prepared, c.prepared_kinds, Format::kKind, static_cast<int32_t>(c.columns), c.tokens)) {}

  size_t panel_bytes() const { return static_cast<size_t>(blocks) * Format::kBytes; }
  const uint8_t* panel(int64_t row) const { return call.weight + row / 16 * panel_bytes(); }
  const float* companions(int64_t group, int64_t block) const {
    return reinterpret_cast<const float*>(form.companions(group, block));
  }
};

/// Blocks of 256 columns: up to kMostPanels panels and kChunk tokens block after block, so that a block's activations
/// are read from the second cache again and again. The sums wait in scratch.
template <class Format>
struct SuperKernel {
  using Scales = typename Format::Scales;
  static constexpr int kPanels = 2, kMostPanels = 4, kChunk = 512;
  static constexpr int kParts = Format::kMeantCode * Format::kFactor <= 127 ? 1 : 2;
  static_assert(Format::kMeantCode * Format::kFactor < kMostSplit);
  static constexpr size_t kTileBytes = 256 * 16;
  using Unit = MatrixUnit<kUnitStep>;

  /// The sums of two panels.
  using Totals = float[kChunk][kPanels][16];
  static constexpr int32_t kScratchRows = 0, kScratchBytes = sizeof(Totals) * kMostPanels / kPanels;
  static bool suits(const MatmulCall& call) { return needs_unit(kInt8Block256, call.tokens); }

  /// A block of one panel or two.
  struct Item {
    const uint8_t* weights;  // of the first panel
    int64_t block;
    const uint8_t* ahead;  // weights of what comes after it, be it in other panels
  };

  /// An item on its way.
  struct Work {
    alignas(64) uint8_t codes[kPanels * kParts * kTileBytes];
    Product products[2][kPanels * kParts];
    Scales scales[kPanels];
  };

  /// A block's codes times their factors, cut into parts.
  static void unpack(const uint8_t* block, Scales& scales, uint8_t* to) {
    constexpr int kPerGroup = Format::kScales / 8, kDwords = 8 / kPerGroup;
    Format::scales(block, scales);
    const uint8_t* group = block + Format::kGroups;
    for (int g = 0; g < 8; ++g, group += Format::kGroupBytes, to += 8 * 64) {
      using Factor = CodeFactor<kNonNegative<Format>>;
      const auto* own = scales.factor + g * kPerGroup;
      const Factor factors[2] = {Factor(factor_i32(own[0])), Factor(factor_i32(own[kPerGroup - 1]))};
      unroll<8>([&](auto i) VIVACE_INLINE_LAMBDA {
        I32x16 parts[kParts];
        multiply_codes<kCodeOffset<Format>, kParts>(Format::template codes<i>(group), factors[i / kDwords], parts);
        for (int part = 0; part < kParts; ++part) {
          store_f32(reinterpret_cast<float*>(to + part * kTileBytes + 64 * i), as_f32(parts[part]));
        }
      });
    }
  }

  /// totals += one block of the panels for a token; what belongs to the token is read once for all panels.
  template <int kCount>
  VIVACE_SIMD void add_token(const Product* products, const F32x16 (&scale)[kCount], const F32x16 (&min)[kCount],
                             const I32x16 (&mins)[kCount][Scales::kPairs], const float* companions, int t,
                             float (*totals)[kPanels][16]) {
    const int32_t* pairs = reinterpret_cast<const int32_t*>(companions) + (Format::kMins == Mins::kPairs16 ? 80 : 16);
    I32x16 below[kCount];
    if constexpr (Format::kMins != Mins::kNone) {
      unroll<kCount>([&](auto p) VIVACE_INLINE_LAMBDA { below[p] = zero_i32(); });
      unroll<Scales::kPairs>([&](auto i) VIVACE_INLINE_LAMBDA {
        const I32x16 pair = set_i32(pairs[16 * i + t]);
        unroll<kCount>([&](auto p) VIVACE_INLINE_LAMBDA { below[p] = dot16(below[p], mins[p][i], pair); });
      });
    }
    const F32x16 step = set_f32(companions[t]);
    unroll<kCount>([&](auto p) VIVACE_INLINE_LAMBDA {
      I32x16 value = load_i32(products[p * kParts].sum[t]);
      if constexpr (kParts == 2) value = add(shl<kPartBits>(load_i32(products[p * kParts + 1].sum[t])), value);
      F32x16 sum = mul(to_f32(value), scale[p]);
      if constexpr (Format::kMins != Mins::kNone) sum = fma(to_f32(below[p]), min[p], sum);
      store_f32(totals[t][p], fma(sum, step, load_f32(totals[t][p])));
    });
  }

  /// Product number n of a block's kTiles tiles times 4 steps.
  template <int kTiles, int n>
  VIVACE_SIMD void multiply(Unit& unit, const uint8_t* tokens, const uint8_t* codes) {
    constexpr int kStep = n / kTiles, kTile = n % kTiles;
    if constexpr (kTile == 0) unit.load_tokens(tokens + kStep * 1024);
    unit.template add<kTile>(codes + kTile * kTileBytes + kStep * 1024);
  }

  /// totals += one block of kCount panels for groups of tokens from `first` on. The unit multiplies one group while the
  /// vectors add the one before; a processor sees only so far ahead, so its products are strewn among the tokens.
  template <int kCount>
  static void add_panels(const UnitCall<Format>& unit_call, Unit& unit, const Item& item, int first, int groups,
                         Work& work, Totals& totals) {
    constexpr int kTiles = kCount * kParts, kProducts = kTiles * 4, kEvery = kUnitTokens / kProducts;
    for (int p = 0; p < kCount; ++p) {
      unpack(item.weights + p * unit_call.panel_bytes(), work.scales[p], work.codes + p * kParts * kTileBytes);
    }
    const uint8_t* tokens = unit_call.form.codes(first, item.block);
    unit.template clear<kTiles>();
    unroll<kProducts>([&](auto n) VIVACE_INLINE_LAMBDA { multiply<kTiles, n>(unit, tokens, work.codes); });
    unit.template store<kTiles>(work.products[0][0].sum[0]);
    // In registers: the compiler would read them again after each product of the unit.
    F32x16 scale[kCount], min[kCount];
    I32x16 mins[kCount][Scales::kPairs];
    unroll<kCount>([&](auto p) VIVACE_INLINE_LAMBDA {
      scale[p] = work.scales[p].scale;
      min[p] = Format::kMins == Mins::kNone ? zero_f32() : work.scales[p].min;
      unroll<Scales::kPairs>([&](auto i) VIVACE_INLINE_LAMBDA {
        mins[p][i] = Format::kMins == Mins::kNone ? zero_i32() : work.scales[p].pairs[i];
      });
    });
    const auto add_group = [&](int group, auto goes_on) VIVACE_INLINE_LAMBDA {
      tokens = unit_call.form.codes(first + group + 1, item.block);
      const float* companions = unit_call.companions(first + group, item.block);
      // The next item's lines, a few with each token: more at once than the processor waits for would hold it up.
      const bool asks = static_cast<size_t>(group) * kUnitTokens * 64 < Format::kBytes;
      const uint8_t* ahead = asks ? item.ahead + group * kUnitTokens * 64 : work.codes;
      const size_t ahead_step = asks ? unit_call.panel_bytes() : 0;
      if constexpr (goes_on) unit.template clear<kTiles>();
      unroll<kUnitTokens>([&](auto t) VIVACE_INLINE_LAMBDA {
        for (int p = 0; p < kCount; ++p) prefetch_far(ahead + p * ahead_step + 64 * t);
        for (int line = 4 * t; line < 4 * t + 4; ++line) prefetch(tokens + UnitForm::kSuperBytes + 64 * line);
        if constexpr (goes_on && t % kEvery == 0) multiply<kTiles, t / kEvery>(unit, tokens, work.codes);
        add_token<kCount>(work.products[group % 2], scale, min, mins, companions, t, totals + group * kUnitTokens);
      });
      if constexpr (goes_on) unit.template store<kTiles>(work.products[(group + 1) % 2][0].sum[0]);
    };
    for (int group = 0; group + 1 < groups; ++group) add_group(group, std::true_type());
    add_group(groups - 1, std::false_type());
  }

  static void run(const MatmulCall& call) {
    const UnitCall<Format> unit_call(call);
    Unit unit;
    Work work;
    Totals* totals = reinterpret_cast<Totals*>(call.scratch);
    for (int64_t row = call.row_begin; row < call.row_end; row += 16 * kMostPanels) {
      const int64_t rest = (call.row_end - row + 15) / 16;
      const int panels = rest < kMostPanels ? static_cast<int>(rest) : kMostPanels;
      for (int token = 0; token < call.tokens; token += kChunk) {
        const int tokens = call.tokens - token < kChunk ? call.tokens - token : kChunk;
        const int groups = (tokens + kUnitTokens - 1) / kUnitTokens, first = token / kUnitTokens;
        for (int p = 0; p < panels; p += 2) {
          __builtin_memset(totals[p / 2], 0, sizeof(totals[0][0]) * kUnitTokens * static_cast<size_t>(groups));
        }
        for (int64_t block = 0; block < unit_call.blocks; ++block) {
          const uint8_t* next = block + 1 < unit_call.blocks ? unit_call.panel(row) + (block + 1) * Format::kBytes
                                                             : unit_call.panel(row + 16 * kMostPanels);
          for (int p = 0; p < panels; p += 2) {
            const uint8_t* weights = unit_call.panel(row + 16 * p) + block * Format::kBytes;
            const Item item = {weights, block, p + 2 < panels ? weights + 2 * unit_call.panel_bytes() : next};
            if (panels - p > 1) {
              add_panels<2>(unit_call, unit, item, first, groups, work, totals[p / 2]);
            } else {
              add_panels<1>(unit_call, unit, item, first, groups, work, totals[p / 2]);
            }
          }
        }
        for (int p = 0; p < panels; ++p) {
          store_kept(call, totals[p / 2][0][p % 2], kPanels * 16, row + 16 * p, token, tokens);
        }
      }
    }
  }
};

/// Blocks of 32 columns, each with a scale: a panel and 16 tokens, whose sums stay in registers, kRun blocks at a time.
template <class Format>
struct BlockKernel {
  static constexpr int kRun = 4;
  using Unit = MatrixUnit<32>;

  /// A panel and the tokens of longer rows leave the second cache between two uses, and the base is faster.
  static bool suits(const MatmulCall& call) { return needs_unit(kInt8Block32, call.tokens) && call.columns <= 4096; }

  /// A panel in scratch: codes [K/4][16 rows] of four columns, then the scales of each block.
  struct Panel {
    uint8_t* codes;
    BlockScales* scales;
  };
  static constexpr int32_t kScratchRows = 4 + sizeof(BlockScales) / (32 * sizeof(float)), kScratchBytes = 0;

  static void unpack(const uint8_t* weight, int64_t blocks, const Panel& panel) {
    uint8_t* to = panel.codes;
    for (int64_t block = 0; block < blocks; ++block, weight += Format::kBytes, to += 8 * 64) {
      Format::scales(weight, panel.scales[block]);
      unroll<8>([&](auto i) VIVACE_INLINE_LAMBDA {
        const I32x16 code = meant_codes<kCodeOffset<Format>>(Format::template codes<i>(weight + Format::kGroups));
        store_f32(reinterpret_cast<float*>(to + 64 * i), as_f32(code));
      });
    }
  }

  VIVACE_SIMD void prefetch_block(const uint8_t* block) {
    VIVACE_UNROLL for (int line = 0; line < (Format::kBytes + 63) / 64; ++line) prefetch_far(block + 64 * line);
  }

  VIVACE_SIMD void add_block(const Product& product, const BlockScales& scales, const float* companions,
                             F32x16 (&total)[kUnitTokens]) {
    VIVACE_UNROLL for (int t = 0; t < kUnitTokens; ++t) {
      const F32x16 sum = mul(to_f32(load_i32(product.sum[t])), scales.scale);
      total[t] = fma(sum, set_f32(companions[t]), total[t]);
      if constexpr (Format::kMins == Mins::kBlock) total[t] = fma(scales.min, set_f32(companions[16 + t]), total[t]);
    }
  }

  /// `ahead`: a panel that comes from memory meanwhile; null: none.
  static void run_tile(const UnitCall<Format>& unit_call, Unit& unit, const Panel& panel, int64_t row, int group,
                       const uint8_t* ahead) {
    F32x16 total[kUnitTokens];
    VIVACE_UNROLL for (int t = 0; t < kUnitTokens; ++t) total[t] = zero_f32();
    const uint8_t* x = unit_call.form.codes(group, 0);
    Product products[2][kRun];
    const auto multiply = [&](int64_t block) {
      for (int i = 0; i < kRun && block + i < unit_call.blocks; ++i) {
        const int64_t column = (block + i) * 32;
        unit.template clear<1>();
        unit.load_tokens(x + column / kUnitStep * 1024 + column % kUnitStep);
        unit.template add<0>(panel.codes + column * 16);
        unit.template store<1>(products[block / kRun % 2][i].sum[0]);
      }
    };
    multiply(0);
    for (int64_t block = 0; block < unit_call.blocks; block += kRun) {
      multiply(block + kRun);
      for (int i = 0; i < kRun && block + i < unit_call.blocks; ++i) {
        if (ahead != nullptr) prefetch_block(ahead + (block + i) * Format::kBytes);
        add_block(products[block / kRun % 2][i], panel.scales[block + i], unit_call.companions(group, block + i),
                  total);
      }
    }
    const int token = group * kUnitTokens;
    VIVACE_UNROLL for (int t = 0; t < kUnitTokens; t += kQuad) {
      const F32x16 sums[1][kQuad] = {{total[t], total[t + 1], total[t + 2], total[t + 3]}};
      if (token + t < unit_call.call.tokens) {
        store_tile<1, kQuad>(unit_call.call, sums, row, token + t, unit_call.call.tokens - token - t);
      }
    }
  }

  static void run(const MatmulCall& call) {
    const UnitCall<Format> unit_call(call);
    const Panel panel = {call.scratch, reinterpret_cast<BlockScales*>(call.scratch + call.columns * 16)};
    Unit unit;
    for (int64_t row = call.row_begin; row < call.row_end; row += 16) {
      unpack(unit_call.panel(row), unit_call.blocks, panel);
      for (int group = 0; group * kUnitTokens < call.tokens; ++group) {
        run_tile(unit_call, unit, panel, row, group, group == 0 ? unit_call.panel(row + 16) : nullptr);
      }
    }
  }
};

/// Four tiles of sums, as many as K-quants take; weights come from the first cache, which is free beside the unit.
constexpr int64_t kUnitOperandBytes = 3 * 1024;
static int64_t multiply_unit(const uint8_t* operands, int64_t rounds, uint32_t* sum) {
  MatrixUnit<kUnitStep> unit;
  unit.template clear<4>();
  unit.load_tokens(operands);
  for (int64_t round = 0; round < rounds; ++round) {
    unit.template add<0>(operands + 1024);
    unit.template add<1>(operands + 2048);
    unit.template add<2>(operands + 1024);
    unit.template add<3>(operands + 2048);
  }
  Product products[4];
  unit.template store<4>(products[0].sum[0]);
  I32x16 all = zero_i32();
  for (const Product& product : products) {
    for (const auto& row : product.sum) all = add(all, load_i32(row));
  }
  *sum = static_cast<uint32_t>(reduce_add(all));
  return rounds * 4 * kUnitTokens * 16 * kUnitStep;
}

/// The base's row of a format's panels; there is one for every int8 format.
static const MatmulRow& base_row(Format format) { return matmul_row(base_table(), format, Layout::kPanel16); }

template <class Kernel, class Panel>
static void multiply_matrix(const MatmulCall& call) {
  static const MatmulRow& base = base_row(Panel::kFormat);
  Kernel::suits(call) ? Kernel::run(call) : base.run(call);
}

template <template <class> class Kernel, class Panel>
static MatmulRow matrix_row() {
  using Own = Kernel<Panel>;
  const int32_t base = base_row(Panel::kFormat).scratch_rows;
  const int32_t scratch_rows = base > Own::kScratchRows ? base : Own::kScratchRows;
  return {Panel::kFormat,    Layout::kPanel16, Panel::kKind, scratch_rows, multiply_matrix<Own, Panel>,
          Own::kScratchBytes};
}
template <class Panel>
static MatmulRow block_row() {
  return matrix_row<BlockKernel, Panel>();
}
template <class Panel>
static MatmulRow super_row() {
  return matrix_row<SuperKernel, Panel>();
}

const KernelTable& kernel_table() {
  static const MatmulRow kMatmuls[] = {
    block_row<PanelQ4_0>(),
    block_row<PanelQ4_1>(),
    block_row<PanelQ5_0>(),
    block_row<PanelQ5_1>(),
    block_row<PanelQ8_0>(),
    super_row<PanelQ2_K>(),
    super_row<PanelQ3_K>(),
    super_row<PanelQ4_K>(),
    super_row<PanelQ5_K>(),
    super_row<PanelQ6_K>(),
    block_row<PanelIQ4_NL>(),
    super_row<PanelIQ4_XS>(),
    block_row<PanelMXFP4>(),
#if defined(VIVACE_PAIR_UNIT)
    {Format::kF16, Layout::kPanel16, kBf16Pairs, 0, PairKernel<UnitPanelF16>::run},
    {Format::kBF16, Layout::kPanel16, kBf16Pairs, 0, PairKernel<UnitPanelBF16>::run},
#endif
  };
  static const KernelTable kTable = [] {
    KernelTable table = table_above_base(kMatmuls);
    table.prepared_bytes = prepared_bytes;
    table.prepare = prepare;
    table.limits.multiply_int8 = multiply_unit;
    table.limits.operand_bytes = kUnitOperandBytes;
    return table;
  }();
  return kTable;
}

}  // namespace vivace::VIVACE_ISA
