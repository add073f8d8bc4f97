// F32, F16 and BF16 weights in panels. Every output is one chain of multiply-adds over ascending columns, whatever the
// tile. A few tokens take one pass over the weights. More of them go through blocks of columns: a block's panels are
// unpacked once and stay in the first cache for all tiles of tokens, while the sums wait in memory, which changes no
// bit.
#pragma once

#include "backends/cpu/kernels/store_tile.h"

namespace vivace::VIVACE_ISA {

// How a panel is multiplied: 64 bytes hold kSteps steps of 16 rows, load() gives their weights, and add() takes one
// step and a value of the activation into a sum. Unpacked is the panel of what load() gives: store() writes a step.
struct PanelF32 {
  static constexpr Format kFormat = Format::kF32;
  static constexpr int kSteps = 1;
  using Unpacked = PanelF32;
  using Value = float;
  using Weights = F32x16;
  VIVACE_SIMD void load(const uint8_t* p, Weights (&steps)[1]) { steps[0] = as_f32(load_i32(p)); }
  VIVACE_SIMD void store(uint8_t* p, Weights weights) { store_f32(reinterpret_cast<float*>(p), weights); }
  VIVACE_SIMD F32x16 add(F32x16 sum, Weights weights, float x) { return fma(weights, set_f32(x), sum); }
};

struct PanelF16 : PanelF32 {
  static constexpr Format kFormat = Format::kF16;
  static constexpr int kSteps = 2;
  VIVACE_SIMD void load(const uint8_t* p, Weights (&steps)[2]) { load_f16_pairs(p, steps[0], steps[1]); }
};

/// The BF16 values of the lower and of the upper halves.
VIVACE_SIMD F32x16 lower_bf16(I32x16 pairs) { return as_f32(shl<16>(pairs)); }
VIVACE_SIMD F32x16 upper_bf16(I32x16 pairs) { return as_f32(and_(pairs, set_i32(static_cast<int32_t>(0xFFFF0000u)))); }

struct PanelBF16 : PanelF32 {
  static constexpr Format kFormat = Format::kBF16;
  static constexpr int kSteps = 2;
  VIVACE_SIMD void load(const uint8_t* p, Weights (&steps)[2]) {
    const I32x16 pairs = load_i32(p);
    steps[0] = lower_bf16(pairs);
    steps[1] = upper_bf16(pairs);
  }
};

/// The activation as the kernel reads it: rows of `steps` values, `stride` values apart.
template <class Value>
struct FloatInput {
  const Value* values;
  int64_t stride;
  int64_t steps;
};

constexpr int kFloatTileTokens = kTileTokens, kFloatTilePanels = kTilePanels > 1 ? 4 : 1;
constexpr int kBlockSteps = 128;                   // four unpacked panels: 32 KiB
constexpr int kBlockLines = kBlockSteps * 4 / 64;  // of a row of activations
constexpr int kAheadRows = kBlockSteps / kBlockLines;
constexpr int kBlockTokens = 86 * kFloatTileTokens;

/// Asks for what comes next in the panels themselves.
struct AheadInPanels {
  template <int kPanels>
  VIVACE_SIMD void ask(AheadInPanels& /*self*/, const uint8_t* const (&at)[kPanels], int64_t /*step*/) {
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { prefetch(at[p] + 1024); }
  }
};

/// Asks for two panels of the next block, `bytes` of each at every step, and for the next tile's activations: they lie
/// in rows that the hardware does not foresee. A line at every step hides among the products.
struct AheadOfBlock {
  const uint8_t* first;
  const uint8_t* second;
  int64_t bytes;
  const uint8_t* values;
  int64_t next_line, next_row;  // from a line to the next one of its row, from a row's last line to the next row
  template <int kPanels>
  VIVACE_SIMD void ask(AheadOfBlock& self, const uint8_t* const (&/*at*/)[kPanels], int64_t step) {
    prefetch(self.first);
    prefetch(self.second);
    prefetch(self.values);
    self.first += self.bytes;
    self.second += self.bytes;
    self.values += step % kBlockLines == kBlockLines - 1 ? self.next_row : self.next_line;
  }
};

template <class Panel, int kPanels, int kTokens>
struct FloatTile {
  using Value = typename Panel::Value;
  using Sums = F32x16[kPanels][kTokens];

  /// 64 bytes of each panel: kCount steps from `step` on.
  template <int kCount>
  VIVACE_SIMD void add_line(const uint8_t* const (&at)[kPanels], const Value* const (&x)[kTokens], int64_t step,
                            Sums& sum) {
    typename Panel::Weights weights[kPanels][Panel::kSteps];
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { Panel::load(at[p], weights[p]); }
    VIVACE_UNROLL for (int s = 0; s < kCount; ++s) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) {
        const Value value = x[t][step + s];
        VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { sum[p][t] = Panel::add(sum[p][t], weights[p][s], value); }
      }
    }
  }

  /// input.steps steps of kPanels panels, the first at `weight`, for the tokens from input.values on.
  template <class Ahead>
  VIVACE_SIMD void add(const uint8_t* weight, size_t panel_bytes, const FloatInput<Value>& input, Ahead ahead,
                       Sums& sum) {
    const uint8_t* at[kPanels];
    const Value* x[kTokens];
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { at[p] = weight + p * panel_bytes; }
    VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { x[t] = input.values + t * input.stride; }
    int64_t step = 0;
    for (; step + Panel::kSteps <= input.steps; step += Panel::kSteps) {
      add_line<Panel::kSteps>(at, x, step, sum);
      Ahead::ask(ahead, at, step);
      VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) { at[p] += 64; }
    }
    if (Panel::kSteps > 1 && step < input.steps) add_line<1>(at, x, step, sum);
  }

  /// All of it in one pass, for the tokens from input.values on.
  static void run(const MatmulCall& call, const uint8_t* weight, size_t panel_bytes, const FloatInput<Value>& input,
                  int64_t row) {
    Sums sum;
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = zero_f32(); }
    }
    add(weight, panel_bytes, input, AheadInPanels(), sum);
    store_tile<kPanels, kTokens>(call, sum, row, 0, kTokens);
  }

  VIVACE_SIMD void load_sums(const F32x16* kept, Sums& sum) {
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { sum[p][t] = kept[p * kTokens + t]; }
    }
  }

  /// Goes on with sums that were kept.
  static void resume(const uint8_t* weight, size_t panel_bytes, const FloatInput<Value>& input,
                     const AheadOfBlock& ahead, F32x16* kept) {
    Sums sum;
    load_sums(kept, sum);
    add(weight, panel_bytes, input, ahead, sum);
    VIVACE_UNROLL for (int p = 0; p < kPanels; ++p) {
      VIVACE_UNROLL for (int t = 0; t < kTokens; ++t) { kept[p * kTokens + t] = sum[p][t]; }
    }
  }

  static void finish(const MatmulCall& call, const F32x16* kept, int64_t row, int token) {
    Sums sum;
    load_sums(kept, sum);
    store_tile<kPanels, kTokens>(call, sum, row, token, kTokens);
  }
};

/// body(Index<tokens>()) for 1 <= tokens <= kMost.
template <int kMost, class Body>
VIVACE_SIMD void with_tokens(int tokens, const Body& body) {
  if constexpr (kMost > 1) {
    if (tokens < kMost) return with_tokens<kMost - 1>(tokens, body);
  }
  body(Index<kMost>());
}

/// Tokens in parts of nearly the same size, none above `most`: a small rest would keep too few sums under way.
struct EvenParts {
  int tokens, count;
  EvenParts(int all, int most) : tokens(all), count((all + most - 1) / most) {}
  int begin(int part) const { return static_cast<int>(static_cast<int64_t>(tokens) * part / count); }
};

/// kPanels panels from `row` on, times the tokens of one part.
template <class Panel, int kPanels>
struct FloatBlocks {
  using Value = typename Panel::Value;
  using Unpacked = typename Panel::Unpacked;
  static constexpr bool kUnpacks = !__is_same(Panel, Unpacked);
  static constexpr size_t kUnpackedBytes = kBlockSteps * 64;  // of one panel

  static void unpack(const uint8_t* weight, size_t panel_bytes, int64_t steps, uint8_t* unpacked) {
    for (int p = 0; p < kPanels; ++p) {
      const uint8_t* from = weight + p * panel_bytes;
      uint8_t* to = unpacked + p * kUnpackedBytes;
      for (int64_t step = 0; step < steps; step += Panel::kSteps) {
        typename Panel::Weights weights[Panel::kSteps];
        Panel::load(from, weights);
        VIVACE_UNROLL for (int s = 0; s < Panel::kSteps; ++s) { Unpacked::store(to + 64 * s, weights[s]); }
        from += 64;
        to += 64 * Panel::kSteps;
      }
    }
  }

  /// What a tile asks for: the first ones for the next block's panels, which `next` begins, and all of them for the
  /// activations from `values` on, while there are enough rows of them.
  VIVACE_SIMD AheadOfBlock ahead_of(const uint8_t* next, size_t panel_bytes, int tile, const Value* values,
                                    int64_t stride, int rows) {
    AheadOfBlock ahead = {next, next, 0, reinterpret_cast<const uint8_t*>(values), 0, 0};
    if (rows >= kAheadRows) {
      ahead.next_line = 64;
      ahead.next_row = stride * static_cast<int64_t>(sizeof(Value)) - 64 * (kBlockLines - 1);
    }
    if (2 * tile < kPanels) {
      ahead.first = next + 2 * tile * panel_bytes;
      ahead.second = kPanels > 1 ? ahead.first + panel_bytes : ahead.first;
      ahead.bytes = 64 / Panel::kSteps;
    }
    return ahead;
  }

  static void run(const MatmulCall& call, const uint8_t* weight, size_t panel_bytes, const FloatInput<Value>& input,
                  int64_t row, int token, int tokens) {
    alignas(64) F32x16 sums[kPanels * kBlockTokens];
    alignas(64) uint8_t unpacked[kUnpacks ? kPanels * kUnpackedBytes : 64];
    const EvenParts tiles(tokens, kFloatTileTokens);
    for (int i = 0; i < kPanels * tokens; ++i) sums[i] = zero_f32();
    for (int64_t step = 0; step < input.steps; step += kBlockSteps) {
      const int64_t rest = input.steps - step, steps = rest < kBlockSteps ? rest : kBlockSteps;
      const uint8_t* block = weight + step / Panel::kSteps * 64;
      const uint8_t* next = rest > steps ? block + steps / Panel::kSteps * 64 : weight + kPanels * panel_bytes;
      if constexpr (kUnpacks) unpack(block, panel_bytes, steps, unpacked);
      for (int tile = 0; tile < tiles.count; ++tile) {
        const int first = tiles.begin(tile), end = tiles.begin(tile + 1);
        const Value* x = input.values + (token + first) * input.stride + step;
        const AheadOfBlock ahead = ahead_of(next, panel_bytes, tile, x + (end - first) * input.stride, input.stride,
                                            call.tokens - token - end);
        F32x16* kept = sums + kPanels * first;
        with_tokens<kFloatTileTokens>(end - first, [&](auto count) VIVACE_INLINE_LAMBDA {
          FloatTile<Unpacked, kPanels, count>::resume(kUnpacks ? unpacked : block,
                                                      kUnpacks ? kUnpackedBytes : panel_bytes, {x, input.stride, steps},
                                                      ahead, kept);
        });
      }
    }
    for (int tile = 0; tile < tiles.count; ++tile) {
      const int first = tiles.begin(tile);
      with_tokens<kFloatTileTokens>(tiles.begin(tile + 1) - first, [&](auto count) VIVACE_INLINE_LAMBDA {
        FloatTile<Unpacked, kPanels, count>::finish(call, sums + kPanels * first, row, token + first);
      });
    }
  }
};

/// The rows of a chunk from `row` on, kPanels panels at a time, then one by one.
template <class Panel, int kPanels>
static void run_float_panels(const MatmulCall& call, const FloatInput<typename Panel::Value>& input, int64_t row) {
  const size_t panel_bytes = static_cast<size_t>((input.steps + Panel::kSteps - 1) / Panel::kSteps) * 64;
  for (; row + 16 * (kPanels - 1) < call.row_end; row += 16 * kPanels) {
    const uint8_t* weight = call.weight + row / 16 * panel_bytes;
    if (call.tokens <= kFloatTileTokens) {
      with_tokens<kFloatTileTokens>(call.tokens, [&](auto count) VIVACE_INLINE_LAMBDA {
        FloatTile<Panel, kPanels, count>::run(call, weight, panel_bytes, input, row);
      });
      continue;
    }
    const EvenParts parts(call.tokens, kBlockTokens);
    for (int part = 0; part < parts.count; ++part) {
      const int token = parts.begin(part);
      FloatBlocks<Panel, kPanels>::run(call, weight, panel_bytes, input, row, token, parts.begin(part + 1) - token);
    }
  }
  if constexpr (kPanels > 1) run_float_panels<Panel, 1>(call, input, row);
}

template <class Panel>
static void multiply_float(const MatmulCall& call) {
  run_float_panels<Panel, kFloatTilePanels>(call, {call.values, call.values_stride, call.columns}, call.row_begin);
}

}  // namespace vivace::VIVACE_ISA
