// What no kernel of this instruction set can pass: reading memory, and multiplying int8 in registers.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/unroll.h"
#include "backends/cpu/limit_kernels.h"

namespace vivace::VIVACE_ISA {

/// Reads `bytes` (a multiple of 256) once; the sum of all dwords, carried in no dependence that would slow the reads.
inline uint32_t read_stream(const uint8_t* data, int64_t bytes) {
  constexpr int kChains = 4;
  I32x16 sums[kChains];
  unroll<kChains>([&](auto i) VIVACE_INLINE_LAMBDA { sums[i] = zero_i32(); });
  for (int64_t at = 0; at < bytes; at += kChains * 64) {
    unroll<kChains>([&](auto i) VIVACE_INLINE_LAMBDA { sums[i] = add(sums[i], load_i32(data + at + i * 64)); });
  }
  return static_cast<uint32_t>(reduce_add(add(add(sums[0], sums[1]), add(sums[2], sums[3]))));
}

constexpr bool kLimitCuts = dot_run(15) < 16;               // weights of 4 bits; sums that are cut take registers twice
constexpr int kLimitRun = kLimitCuts ? dot_run(15) : 16;    // dwords between the cuts
constexpr int kLimitTokens = kLimitCuts ? 4 : kTileTokens;  // the GEMM's tile where it fits

/// Bytes of operands that multiply_int8 reads; they stay in the first cache.
constexpr int64_t kLimitOperandBytes = (kLimitRun * kTilePanels + kLimitTokens) * 64;

/// Multiplies a tile of registers `rounds` times by weights (bytes 0..15) and activations, without unpacking
/// and without scales. Returns the multiply-adds it did; `sum` is of all products.
inline int64_t multiply_int8(const uint8_t* operands, int64_t rounds, uint32_t* sum) {
  I32x16 x[kLimitTokens], accumulators[kTilePanels][kLimitTokens];
  unroll<kLimitTokens>([&](auto t) VIVACE_INLINE_LAMBDA {
    x[t] = load_i32(operands + (kLimitRun * kTilePanels + t) * 64);
    unroll<kTilePanels>([&](auto p) VIVACE_INLINE_LAMBDA { accumulators[p][t] = zero_i32(); });
  });
  for (int64_t round = 0; round < rounds; ++round) {
    I32x16 parts[kTilePanels][kLimitTokens];
    unroll<kTilePanels>([&](auto p) VIVACE_INLINE_LAMBDA {
      unroll<kLimitTokens>([&](auto t) VIVACE_INLINE_LAMBDA { parts[p][t] = dot_begin(accumulators[p][t]); });
    });
    for (int run = 0; run < kLimitRun; ++run) {
      unroll<kTilePanels>([&](auto p) VIVACE_INLINE_LAMBDA {
        const I32x16 weights = load_i32(operands + (run * kTilePanels + p) * 64);
        unroll<kLimitTokens>([&](auto t)
                                 VIVACE_INLINE_LAMBDA { parts[p][t] = dot<false>(parts[p][t], weights, x[t]); });
      });
    }
    unroll<kTilePanels>([&](auto p) VIVACE_INLINE_LAMBDA {
      unroll<kLimitTokens>([&](auto t)
                               VIVACE_INLINE_LAMBDA { accumulators[p][t] = dot_end(accumulators[p][t], parts[p][t]); });
    });
  }
  I32x16 all = zero_i32();
  unroll<kTilePanels>([&](auto p) VIVACE_INLINE_LAMBDA {
    unroll<kLimitTokens>([&](auto t) VIVACE_INLINE_LAMBDA { all = add(all, accumulators[p][t]); });
  });
  *sum = static_cast<uint32_t>(reduce_add(all));
  return rounds * kLimitRun * kTilePanels * kLimitTokens * 64;
}

constexpr LimitKernels kLimitKernels = {read_stream, multiply_int8, kLimitOperandBytes};

}  // namespace vivace::VIVACE_ISA
