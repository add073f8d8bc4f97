// Int8 panels on hardware that multiplies matrices (AMX): 16 rows of a panel times 16 tokens at once, for steps of many
// tokens. This is a table on top of another one, which knows every other format and form, and the small steps. Sums
// under one scale are exact integers and the f32 operations are those of panel_int8.h in the same order, so an output
// has the bits that the other table would give it.
//
// One factor is a panel unpacked to scratch: a vector of codes is 16 rows x 4 columns, as the unit wants them. The
// other are the tokens' codes, which lie behind the base's forms a second time: for every 16 tokens, [K/64][16
// tokens][64]. The base's forms give the sums and scales, so both tables must have the same tiles of tokens (simd/,
// k...Tokens).
#pragma once

#include "backends/cpu/detect.h"
#include "backends/cpu/kernels/panel_formats.h"
#include "backends/cpu/kernels/prepared_form.h"
#include "backends/cpu/kernels/store_tile.h"
#include "backends/cpu/kernels/table_above.h"

namespace vivace::VIVACE_ISA {

static_assert(kSignedDot, "the unit multiplies signed codes by signed codes");

constexpr int kUnitTokens = 16;  // of one product
constexpr int kQuad = 4;         // tokens whose sums are in registers at a time

constexpr uint32_t kInt8Forms = kInt8Block32 | kInt8Block256;

/// Bytes of one form's codes for one 16 tokens; the codes of 64 columns of a token are a cache line.
constexpr size_t unit_codes_bytes(int64_t columns) { return static_cast<size_t>((columns + 63) / 64) * 64 * 16; }

constexpr size_t kind_codes_bytes(int64_t columns, int rows) {
  return static_cast<size_t>((rows + kUnitTokens - 1) / kUnitTokens) * unit_codes_bytes(columns);
}

/// Where the codes of a form begin, for a step of `rows` rows.
static const uint8_t* codes_of_kind(const uint8_t* prepared, uint32_t kinds, uint32_t kind, int32_t columns, int rows) {
  const size_t behind = (kinds & kInt8Forms & (kind - 1)) ? kind_codes_bytes(columns, rows) : 0;
  return prepared + base_table().prepared_bytes(kinds, columns, rows) + behind;
}

static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows) {
  size_t bytes = base_table().prepared_bytes(kinds, columns, rows);
  if (TokenTiles{rows}.is_small()) return bytes;
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (kinds & kind) bytes += kind_codes_bytes(columns, rows);
  }
  return bytes;
}

/// One token's view of the base's form.
struct TokenView {
  TileView tile;
  int lanes;

  TokenView() = default;
  TokenView(const uint8_t* form, uint32_t kind, int64_t columns, int token, int tokens) {
    const TokenTiles tiles{tokens};
    const int begin = tiles.begin_of(token);
    lanes = padded_tokens(tiles.count_at(begin));
    tile = TileView(form, kind, columns, begin, lanes);
    tile.move_to_lane(token - begin);
  }
};

static void prepare(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                    int32_t row_end, int32_t rows, uint8_t* prepared) {
  base_table().prepare(kinds, values, stride, columns, row_begin, row_end, rows, prepared);
  if (TokenTiles{rows}.is_small()) return;
  for (uint32_t kind = kInt8Block32; kind <= kInt8Block256; kind *= 2) {
    if (!(kinds & kind)) continue;
    const uint8_t* form = prepared_form(prepared, kinds, kind, columns, rows);
    uint8_t* codes = const_cast<uint8_t*>(codes_of_kind(prepared, kinds, kind, columns, rows));
    for (int row = row_begin; row < row_end; ++row) {
      const TokenView from(form, kind, columns, row, rows);
      uint8_t* to = codes + static_cast<size_t>(row / kUnitTokens) * unit_codes_bytes(columns) + row % kUnitTokens * 64;
      for (int64_t i = 0; i < columns / 4; ++i) {
        __builtin_memcpy(to + i / 16 * 1024 + i % 16 * 4, from.tile.codes + i * from.lanes, 4);
      }
    }
  }
}

/// The kernel of one format. A product is the sums under one scale: kScaleColumns columns of 16 tokens and 16 rows.
template <class Format>
struct MatrixKernel {
  using Scales = typename Format::Scales;
  static constexpr int kScaleColumns = Format::kColumns / Format::kScales;
  using Unit = MatrixUnit<kScaleColumns>;

  struct alignas(64) Product {
    int32_t sum[kUnitTokens][16];
  };

  /// A panel in scratch: codes [K/4][16 rows] of four columns, then the scales of each block.
  struct Panel {
    uint8_t* codes;
    Scales* scales;
  };
  static constexpr int32_t kScratchRows =
      4 + (sizeof(Scales) + Format::kColumns * sizeof(float) - 1) / (Format::kColumns * sizeof(float));

  static void unpack(const uint8_t* weight, int64_t blocks, const Panel& panel) {
    uint8_t* to = panel.codes;
    for (int64_t block = 0; block < blocks; ++block, weight += Format::kBytes) {
      Format::scales(weight, panel.scales[block]);
      const uint8_t* group = weight + Format::kGroups;
      for (int g = 0; g < Format::kColumns / 32; ++g, group += Format::kGroupBytes, to += 8 * 64) {
        unroll<8>([&](auto i) VIVACE_INLINE_LAMBDA {
          store_f32(reinterpret_cast<float*>(to + 64 * i), as_f32(Format::template codes<i>(group)));
        });
      }
    }
  }

  /// The products of one block.
  static void multiply_block(const Unit& unit, const uint8_t* x, const uint8_t* codes, int64_t block,
                             Product (&products)[Format::kScales]) {
    for (int s = 0; s < Format::kScales; ++s) {
      const int64_t column = block * Format::kColumns + s * kScaleColumns;
      unit.multiply(x + column / 64 * 1024 + column % 64, codes + column * 16, products[s].sum[0]);
    }
  }

  /// The negated sum of a token's codes under scale s, in all lanes; the 256-forms keep sums per 16 columns.
  VIVACE_SIMD I32x16 column_sum(const TokenView& token, int64_t block, int s) {
    constexpr int kSums = Format::kColumns == 256 && Format::kScales == 8 ? 2 : 1;
    const int32_t* sums = token.tile.sums + (block * Format::kScales + s) * kSums * token.lanes;
    return kSums == 1 ? set_i32(sums[0]) : add(set_i32(sums[0]), set_i32(sums[token.lanes]));
  }

  /// sum of mins * sums of x, for the K-quants.
  VIVACE_SIMD I32x16 min_products(const TokenView& token, const Scales& scales, int64_t block) {
    const int32_t* pairs = Format::kMins == Mins::kPairs32 ? token.tile.pairs32 : token.tile.pairs16;
    I32x16 mins = zero_i32();
    for (int i = 0; i < Scales::kPairs; ++i) {
      mins = dot16(mins, scales.pairs[i], set_i32(pairs[(block * Scales::kPairs + i) * token.lanes]));
    }
    return mins;
  }

  /// total += one block, for kQuad tokens of which products have the first as number `first`.
  static void add_block(const Product (&products)[Format::kScales], int first, const TokenView* tokens,
                        const Scales& scales, int64_t block, F32x16 (&total)[kQuad]) {
    F32x16 sum[kQuad];
    VIVACE_UNROLL for (int t = 0; t < kQuad; ++t) sum[t] = zero_f32();
    for (int s = 0; s < Format::kScales; ++s) {
      VIVACE_UNROLL for (int t = 0; t < kQuad; ++t) {
        I32x16 value = load_i32(products[s].sum[first + t]);
        if constexpr (Format::kOffsetBits >= 0) {
          value = add(value, shl<Format::kOffsetBits>(column_sum(tokens[t], block, s)));
        }
        sum[t] = fma(to_f32(value), scales.scale[s], sum[t]);
      }
    }
    VIVACE_UNROLL for (int t = 0; t < kQuad; ++t) {
      const TileView& tile = tokens[t].tile;
      if constexpr (Format::kMins == Mins::kPairs32 || Format::kMins == Mins::kPairs16) {
        sum[t] = fma(to_f32(min_products(tokens[t], scales, block)), scales.min, sum[t]);
      }
      total[t] = fma(sum[t], set_f32(tile.scales[block * tokens[t].lanes]), total[t]);
      if constexpr (Format::kMins == Mins::kBlock) {
        total[t] = fma(scales.min, set_f32(tile.scaled_sums[block * tokens[t].lanes]), total[t]);
      }
    }
  }

  /// The panel of row `row` times 16 tokens from `token` on, of which `lanes` exist; x: their codes.
  static void run_tile(const MatmulCall& call, const Unit& unit, const uint8_t* form, const uint8_t* x,
                       const Panel& panel, int64_t row, int token, int lanes) {
    TokenView tokens[kUnitTokens];
    for (int t = 0; t < kUnitTokens; ++t) {
      const int which = token + (t < lanes ? t : lanes - 1);
      tokens[t] = TokenView(form, Format::kKind, call.columns, which, call.tokens);
    }
    constexpr int kQuads = kUnitTokens / kQuad;
    F32x16 total[kQuads][1][kQuad];
    for (auto& quad : total) {
      for (F32x16& sum : quad[0]) sum = zero_f32();
    }
    Product products[Format::kScales];
    for (int64_t block = 0; block < call.columns / Format::kColumns; ++block) {
      multiply_block(unit, x, panel.codes, block, products);
      for (int q = 0; q < kQuads; ++q) {
        add_block(products, q * kQuad, tokens + q * kQuad, panel.scales[block], block, total[q][0]);
      }
    }
    for (int t = 0; t < lanes; t += kQuad) store_tile<1, kQuad>(call, total[t / kQuad], row, token + t, lanes - t);
  }

  static void run(const MatmulCall& call) {
    const int32_t columns = static_cast<int32_t>(call.columns);
    const uint8_t* form = prepared_form(call.prepared, call.prepared_kinds, Format::kKind, columns, call.tokens);
    const uint8_t* codes = codes_of_kind(call.prepared, call.prepared_kinds, Format::kKind, columns, call.tokens);
    const int64_t blocks = call.columns / Format::kColumns;
    const Panel panel = {call.scratch, reinterpret_cast<Scales*>(call.scratch + call.columns * 16)};
    const Unit unit;
    for (int64_t row = call.row_begin; row < call.row_end; row += 16) {
      unpack(call.weight + row / 16 * blocks * Format::kBytes, blocks, panel);
      const uint8_t* x = codes;
      for (int token = 0; token < call.tokens; token += kUnitTokens, x += unit_codes_bytes(columns)) {
        const int lanes = call.tokens - token < kUnitTokens ? call.tokens - token : kUnitTokens;
        run_tile(call, unit, form, x, panel, row, token, lanes);
      }
    }
  }
};

/// The base's row of a format's panels; there is one for every int8 format.
static const MatmulRow& base_row(Format format) { return matmul_row(base_table(), format, Layout::kPanel16); }

/// A small step would leave most of the unit idle.
template <class Panel>
static void multiply_matrix(const MatmulCall& call) {
  static const MatmulRow& base = base_row(Panel::kFormat);
  TokenTiles{call.tokens}.is_small() ? base.run(call) : MatrixKernel<Panel>::run(call);
}

template <class Panel>
static MatmulRow matrix_row() {
  constexpr int32_t kOwn = MatrixKernel<Panel>::kScratchRows;
  const int32_t base = base_row(Panel::kFormat).scratch_rows;
  return {Panel::kFormat, Layout::kPanel16, Panel::kKind, base > kOwn ? base : kOwn, multiply_matrix<Panel>};
}

const KernelTable& kernel_table() {
  static const MatmulRow kMatmuls[] = {
      matrix_row<PanelQ4_0>(),  matrix_row<PanelQ4_1>(), matrix_row<PanelQ5_0>(),   matrix_row<PanelQ5_1>(),
      matrix_row<PanelQ8_0>(),  matrix_row<PanelQ2_K>(), matrix_row<PanelQ3_K>(),   matrix_row<PanelQ4_K>(),
      matrix_row<PanelQ5_K>(),  matrix_row<PanelQ6_K>(), matrix_row<PanelIQ4_NL>(), matrix_row<PanelIQ4_XS>(),
      matrix_row<PanelMXFP4>(),
  };
  static const KernelTable kTable = table_above_base(kMatmuls);
  return kTable;
}

}  // namespace vivace::VIVACE_ISA
