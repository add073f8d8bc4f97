// F16 and BF16 panels on hardware that multiplies matrices of BF16 pairs (AMX): 16 rows of a panel times 16 tokens, 32
// columns at once. A panel's lines are already the unit's tiles, F16 ones once they are rounded; a token's pairs
// (pairs_form.h) are the other factor. Every output is one chain of such products over ascending columns, whatever the
// number of tokens. The unit adds the 32 products of a link in its own order: those of even columns, those of odd ones,
// both, then the sum before. A few tokens wait for memory, which vectors ask for more at once: they add in that order.
#pragma once

#include "backends/cpu/kernels/pairs_form.h"
#include "backends/cpu/kernels/panel_float.h"

namespace vivace::VIVACE_ISA {

/// A line of a panel as the unit takes it.
struct UnitPanelBF16 {
  static constexpr bool kRounds = false;
  VIVACE_SIMD I32x16 line(const uint8_t* p) { return load_i32(p); }
};
struct UnitPanelF16 {
  static constexpr bool kRounds = true;
  VIVACE_SIMD I32x16 line(const uint8_t* p) { return round_f16_to_bf16(p); }
};

constexpr int kLinkLines = 16;  // of a panel: a link's 32 columns
constexpr size_t kLinkBytes = kLinkLines * 64;

/// A few tokens times kPanels panels, in vectors, to the bits of the unit.
template <class Panel, int kPanels, int kTokens>
struct PairTile {
  using Sums = F32x16[kPanels][kTokens];

  VIVACE_SIMD void clear(Sums& sums) {
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) sums[p][t] = zero_f32();
    }
  }

  VIVACE_SIMD void add_line(const uint8_t* const (&at)[kPanels], const int32_t* const (&x)[kTokens], int64_t line,
                            Sums& even, Sums& odd) {
    I32x16 weights[kPanels];
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      weights[p] = Panel::line(at[p] + 64 * line);
      prefetch(at[p] + 64 * line + 1024);
    }
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const I32x16 pair = set_i32(x[t][line]);
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        even[p][t] = fma(lower_bf16(weights[p]), lower_bf16(pair), even[p][t]);
        odd[p][t] = fma(upper_bf16(weights[p]), upper_bf16(pair), odd[p][t]);
      }
    }
  }

  /// Panels and tokens from the first row and the first token's pairs on.
  static void run(const MatmulCall& call, const uint8_t* pairs, int64_t row) {
    const int64_t lines = (call.columns + 1) / 2;
    const uint8_t* at[kPanels];
    const int32_t* x[kTokens];
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) at[p] = call.weight + (row / 16 + p) * lines * 64;
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
      x[t] = reinterpret_cast<const int32_t*>(pairs + t * pairs_stride(call.columns));
    }
    Sums sums, even, odd;
    clear(sums);
    for (int64_t begin = 0; begin < lines; begin += kLinkLines) {
      clear(even);
      clear(odd);
      const int64_t end = lines - begin < kLinkLines ? lines : begin + kLinkLines;
      for (int64_t line = begin; line < end; ++line) add_line(at, x, line, even, odd);
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
        VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) sums[p][t] = add(sums[p][t], add(even[p][t], odd[p][t]));
      }
    }
    store_tile<kPanels, kTokens>(call, sums, row, 0, kTokens);
  }
};

/// Two panels at a time, times the tokens of one part, a block of columns after the other: its weights stay in the
/// first cache for all tokens, while the sums wait in memory.
template <class Panel>
struct PairKernel {
  static constexpr int kTokens = 16;                     // of a product
  static constexpr int kProducts = 16;                   // of a block
  static constexpr int kLines = kProducts * kLinkLines;  // of a panel's block
  static constexpr int kPartTokens = 512;
  static constexpr int kAhead = 64;  // lines of a panel

  struct Work {
    alignas(64) uint8_t weights[2][kLines * 64];
    alignas(64) float sums[kPartTokens / kTokens][2][kTokens * 16];
  };

  /// A block of two panels, or of one and nothing.
  struct Block {
    const uint8_t* panels[2];
    const uint8_t* tokens;  // the part's first token's pairs of the block
    size_t stride;
    int products;
  };

  VIVACE_SIMD void store_line(uint8_t* to, I32x16 line) { store_f32(reinterpret_cast<float*>(to), as_f32(line)); }

  /// `lines` of a panel to the unit's tiles, which end with zeros.
  static void unpack(const uint8_t* from, int lines, int padded, uint8_t* to) {
    for (int i = 0; i < lines; ++i) {
      prefetch(from + 64 * (i + kAhead));
      store_line(to + 64 * i, Panel::line(from + 64 * i));
    }
    for (int i = lines; i < padded; ++i) store_line(to + 64 * i, zero_i32());
  }

  /// Groups of tokens from `group` on times the block. `asks`: its weights come from memory, and are asked for ahead.
  template <int kPanels, int kGroups>
  static void multiply(const PairUnit<kPanels, kGroups>& unit, const Block& block, int group, bool asks, Work& work) {
    float* sums = work.sums[group][0];
    const uint8_t* x = block.tokens + static_cast<size_t>(group) * kTokens * block.stride;
    unit.load_sums(sums);
    for (int i = 0; i < block.products; ++i) {
      const uint8_t* weights[2] = {block.panels[0] + kLinkBytes * i, block.panels[1] + kLinkBytes * i};
      if (asks) {
        VIVACE_UNROLL for (int line = 0; line < kLinkLines; ++line) {
          for (int p = 0; p < kPanels; ++p) prefetch(weights[p] + 64 * (line + kAhead));
        }
      }
      unit.add(x + 64 * i, block.stride, weights);
    }
    unit.store_sums(sums);
  }

  template <int kPanels>
  static void multiply_groups(const Block& block, int tokens, bool asks, Work& work) {
    int group = 0;
    if (tokens >= 2 * kTokens) {
      const PairUnit<kPanels, 2> unit(kTokens);
      for (; (group + 2) * kTokens <= tokens; group += 2) multiply(unit, block, group, asks && group == 0, work);
    }
    const int rest = tokens - group * kTokens;
    if (rest > kTokens) {
      multiply(PairUnit<kPanels, 2>(rest - kTokens), block, group, asks && group == 0, work);
    } else if (rest > 0) {
      multiply(PairUnit<kPanels, 1>(rest), block, group, asks && group == 0, work);
    }
  }

  template <int kPanels>
  static void run_part(const MatmulCall& call, const uint8_t* pairs, int64_t row, int token, int tokens, Work& work) {
    const int64_t lines = (call.columns + 1) / 2;
    const size_t panel_bytes = static_cast<size_t>(lines) * 64, stride = pairs_stride(call.columns);
    const uint8_t* weight = call.weight + row / 16 * panel_bytes;
    const int groups = (tokens + kTokens - 1) / kTokens;
    __builtin_memset(work.sums, 0, sizeof(work.sums[0]) * static_cast<size_t>(groups));
    for (int64_t line = 0; line < lines; line += kLines) {
      const int count = lines - line < kLines ? static_cast<int>(lines - line) : kLines;
      const int products = (count + kLinkLines - 1) / kLinkLines;
      Block block = {
          {work.weights[0], work.weights[0]}, pairs + static_cast<size_t>(token) * stride + line * 4, stride, products};
      const bool unpacks = Panel::kRounds || count % kLinkLines != 0;
      for (int p = 0; p < kPanels; ++p) {
        const uint8_t* from = weight + p * panel_bytes + line * 64;
        if (unpacks) unpack(from, count, products * kLinkLines, work.weights[p]);
        block.panels[p] = unpacks ? work.weights[p] : from;
      }
      multiply_groups<kPanels>(block, tokens, !unpacks, work);
    }
    for (int group = 0; group < groups; ++group) {
      const int first = group * kTokens, rest = tokens - first;
      for (int p = 0; p < kPanels; ++p) {
        store_kept(call, work.sums[group][p], 16, row + 16 * p, token + first, rest < kTokens ? rest : kTokens);
      }
    }
  }

  static constexpr int kFewTokens = 4;

  template <int kPanels>
  __attribute__((noinline)) static void run_few(const MatmulCall& call, const uint8_t* pairs, int64_t row) {
    for (; row + 16 * (kPanels - 1) < call.row_end; row += 16 * kPanels) {
      with_tokens<kFewTokens>(call.tokens, [&](auto count) VIVACE_INLINE_LAMBDA {
        PairTile<Panel, kPanels, count>::run(call, pairs, row);
      });
    }
    if constexpr (kPanels > 1) run_few<kPanels / 2>(call, pairs, row);
  }

  static void run(const MatmulCall& call) {
    const uint8_t* pairs = pairs_of(call);
    if (call.tokens <= kFewTokens) {
      const WithoutDenormals as_the_unit;
      return call.tokens <= 2 ? run_few<4>(call, pairs, call.row_begin) : run_few<2>(call, pairs, call.row_begin);
    }
    Work work;
    for (int64_t row = call.row_begin; row < call.row_end; row += 32) {
      for (int token = 0; token < call.tokens; token += kPartTokens) {
        const int tokens = call.tokens - token < kPartTokens ? call.tokens - token : kPartTokens;
        if (row + 16 < call.row_end) {
          run_part<2>(call, pairs, row, token, tokens, work);
        } else {
          run_part<1>(call, pairs, row, token, tokens, work);
        }
      }
    }
  }
};

}  // namespace vivace::VIVACE_ISA
