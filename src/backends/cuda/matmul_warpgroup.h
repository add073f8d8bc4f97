// Matmul of many tokens on Hopper: tiles of 128 weight rows by kTokens tokens, multiplied by the warpgroup
// instructions.
//
// The weights never lie in shared memory as bf16: a warp owns 16 rows, copies their raw bytes by cp.async in chunks of
// columns and unpacks them into the registers that are the instructions' first operand. While a step of 64 columns is
// multiplied, the threads unpack the next one. The activations, read by all, come in steps four stages deep.
#pragma once

#include <utility>

#include "backends/cuda/matmul_tile.h"
#include "backends/cuda/warpgroup.h"

namespace vivace::cuda {

constexpr int kWarpgroupRows = 128;
constexpr int kWarpgroupStages = 4;

template <class Source, int kTokens>
struct WarpgroupLayout {
  using Raw = TileLayout<Source, kWarpgroupRows, kTokens>;
  static constexpr int kInputBytes = Raw::kInputBytes;
  static constexpr int kRaw = kWarpgroupStages * kInputBytes;
  static constexpr int kAffines = kRaw + 2 * Raw::kRawBytes;
  static constexpr int kAffinesPerWarp = 16 * Source::kScalesPerRow;
  static constexpr int kUsed = kAffines + 8 * kAffinesPerWarp * static_cast<int>(sizeof(Affine));
  static constexpr int kBytes = kUsed + kWarpgroupTileAlign;  // the first bytes are left out, to begin aligned
};

template <class Source, int kTokens>
class WarpgroupBlock {
  using Layout = WarpgroupLayout<Source, kTokens>;
  using Raw = typename Layout::Raw;
  static constexpr int kSteps = Source::kChunk / kTileStep;  // of a chunk

 public:
  VIVACE_DEVICE WarpgroupBlock(const MatmulItems& items, const MatmulWeight& weight, int first_row, int first_token,
                               uint8_t* shared)
      : items_(items),
        weight_(weight),
        shared_(shared),
        first_row_(first_row),
        first_token_(first_token),
        thread_(static_cast<int>(threadIdx.x)),
        warp_(static_cast<int>(threadIdx.x / 32)),
        lane_(static_cast<int>(threadIdx.x % 32)) {}

  /// The whole product. Step k is multiplied while step k + 1 is unpacked and step k + 2 arrives.
  VIVACE_DEVICE void run() {
    const int steps = items_.input.columns / kTileStep, chunks = (steps + kSteps - 1) / kSteps;
    copy_raw(0);
    if (chunks > 1) copy_raw(1);
    wait_for_previous_kernel();
    tokens_ = *items_.tokens;
    if (first_token_ >= tokens_) {
      commit_copies();
      wait_copies<0>();
      return;
    }
    for (int step = 0; step < 2; ++step) {
      if (step < steps) copy_input(step);
      commit_copies();
    }
    wait_copies<1>();
    sync_warp();
    unpack_affines(0);
    unpack<0>(0, weights_[0]);
    for (int chunk = 0; chunk < chunks; ++chunk)
      run_chunk(chunk, steps, chunks, std::make_integer_sequence<int, kSteps>{});
    warpgroup_wait<0>();
    store();
  }

 private:
  template <int... kStepsOfChunk>
  VIVACE_DEVICE void run_chunk(int chunk, int steps, int chunks, std::integer_sequence<int, kStepsOfChunk...>) {
    (run_step<kStepsOfChunk>(chunk, steps, chunks), ...);
  }

  /// Steps have compile-time places, so that operands are registers.
  template <int kStep>
  VIVACE_DEVICE void run_step(int chunk, int steps, int chunks) {
    const int step = chunk * kSteps + kStep;
    if (step >= steps) return;
    wait_copies<1>();
    publish_shared();
    __syncthreads();
    multiply(step, weights_[kStep % 2]);
    // The step before has ended, so its operands and, two steps back, the place of the input are free.
    warpgroup_wait<1>();
    if (step + 2 < steps) copy_input(step + 2);
    constexpr bool kLast = kStep + 1 == kSteps;
    if (kLast && chunk + 2 < chunks) copy_raw(chunk + 2);
    commit_copies();
    if (step + 1 >= steps) return;
    if constexpr (kLast) unpack_affines(chunk + 1);
    unpack<kLast ? 0 : kStep + 1>(kLast ? chunk + 1 : chunk, weights_[(kStep + 1) % 2]);
  }

  VIVACE_DEVICE void multiply(int step, const uint32_t (&weights)[4][4]) {
    const uint8_t* input = shared_ + step % kWarpgroupStages * Layout::kInputBytes;
    warpgroup_begin();
#pragma unroll
    for (int k = 0; k < kTileStep / 16; ++k) warpgroup_multiply<kTokens>(sums_, weights[k], input, k);
    warpgroup_commit();
  }

  /// The raw bytes of the warp's own rows.
  VIVACE_DEVICE void copy_raw(int chunk) const {
    uint8_t* to = raw_of(chunk);
    const int bytes = Source::bytes_of(columns_of(chunk));
    for (int i = lane_; i < 16 * Raw::kPieces; i += 32) {
      const int row = i / Raw::kPieces, piece = i % Raw::kPieces;
      const uint8_t* from = chunk_of_row(row, chunk);
      const int left = bytes + shift_of(from) - piece * 16;
      if (left <= 0) continue;
      copy_16_async(to + row * Raw::kRowStride + piece * 16, from - shift_of(from) + piece * 16, left < 16 ? left : 16);
    }
  }

  VIVACE_DEVICE void copy_input(int step) const {
    uint8_t* to = shared_ + step % kWarpgroupStages * Layout::kInputBytes + swizzled(thread_ / 8, thread_ % 8);
    const uint16_t* from = items_.input.halves + int64_t{first_token_ + thread_ / 8} * items_.input.columns +
                           step * kTileStep + thread_ % 8 * 8;
#pragma unroll
    for (int i = 0; i < kTokens * 8 / kTileThreads; ++i) {
      const int token = thread_ / 8 + i * (kTileThreads / 8);
      const bool exists = first_token_ + token < tokens_;
      copy_16_async(to + i * (kTileThreads / 8) * 128, exists ? from : items_.input.halves, exists ? 16 : 0);
      from += kTileThreads / 8 * items_.input.columns;
    }
  }

  VIVACE_DEVICE void unpack_affines(int chunk) const {
    if constexpr (Source::kScalesPerRow > 0) {
      const int columns = columns_of(chunk), row = lane_ % 16;
      const uint8_t* from = raw_of(chunk) + row * Raw::kRowStride + shift_of(chunk_of_row(row, chunk));
#pragma unroll
      for (int i = 0; i < Source::kScalesPerRow / 2; ++i) {
        const int index = lane_ / 16 * (Source::kScalesPerRow / 2) + i;
        const bool exists = index * (Source::kChunk / Source::kScalesPerRow) < columns;
        affines()[index * 16 + row] = exists ? Source::affine(from, index) : Affine{0, 0};
      }
      sync_warp();
    }
  }

  /// Fragments of the warp's 16 rows for the four multiplications of a step.
  template <int kStep>
  VIVACE_DEVICE void unpack(int chunk, uint32_t (&out)[4][4]) const {
    const int columns = columns_of(chunk);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = half * 8 + lane_ / 4;
      const uint8_t* from = raw_of(chunk) + row * Raw::kRowStride + shift_of(chunk_of_row(row, chunk));
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int group = kStep * 2 + k / 2, quad = lane_ % 4 + k % 2 * 4;
        const uint2 values = Source::load(from, group, quad, affines() + row, 16, columns);
        out[k][half] = values.x;
        out[k][half + 2] = values.y;
      }
    }
  }

  VIVACE_DEVICE void store() const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first_row_ + warp_ * 16 + half * 8 + lane_ / 4;
      if (row >= weight_.rows) continue;
      const float bias = weight_.bias ? weight_.bias[row] : 0.0f;
#pragma unroll
      for (int i = 0; i < kTokens / 4; ++i) {
        const int token = first_token_ + i / 2 * 8 + lane_ % 4 * 2 + i % 2;
        if (token >= tokens_) continue;
        weight_.output[int64_t{token} * weight_.output_stride + row] = sums_[i / 2][half * 2 + i % 2] + bias;
      }
    }
  }

  VIVACE_DEVICE uint8_t* raw_of(int chunk) const {
    return shared_ + Layout::kRaw + chunk % 2 * Raw::kRawBytes + warp_ * 16 * Raw::kRowStride;
  }
  VIVACE_DEVICE Affine* affines() const {
    return reinterpret_cast<Affine*>(shared_ + Layout::kAffines) + warp_ * Layout::kAffinesPerWarp;
  }
  VIVACE_DEVICE int columns_of(int chunk) const {
    const int left = items_.columns - chunk * Source::kChunk;
    return left < Source::kChunk ? left : Source::kChunk;
  }
  VIVACE_DEVICE const uint8_t* chunk_of_row(int row, int chunk) const {
    // Rows beyond the weight's read its last one again; their sums are dropped.
    const int wanted = first_row_ + warp_ * 16 + row, index = wanted < weight_.rows ? wanted : weight_.rows - 1;
    return weight_.data + index * weight_.row_bytes + int64_t{chunk} * Source::kChunkBytes;
  }
  static VIVACE_DEVICE int shift_of(const uint8_t* p) {
    return Raw::kAligned ? 0 : static_cast<int>(reinterpret_cast<uintptr_t>(p) & 15);
  }

  const MatmulItems& items_;
  const MatmulWeight& weight_;
  uint8_t* const shared_;
  int tokens_ = 0;
  const int first_row_, first_token_, thread_, warp_, lane_;
  uint32_t weights_[2][4][4];
  float sums_[kTokens / 8][4] = {};
};

template <class Source, int kTokens>
VIVACE_KERNEL(kTileThreads)
matmul_warpgroup_kernel(const VIVACE_GRID_CONSTANT MatmulItems items) {
#if VIVACE_WARPGROUP_BUILT
  VIVACE_DYNAMIC_SHARED(uint8_t, memory);
  uint8_t* shared = memory + (kWarpgroupTileAlign - reinterpret_cast<uintptr_t>(memory) % kWarpgroupTileAlign);
  allow_next_kernel();
  const MatmulPlace place = find_weight(items, static_cast<int>(blockIdx.x));
  WarpgroupBlock<Source, kTokens> block(items, items.weights[place.weight], place.block * kWarpgroupRows,
                                        static_cast<int>(blockIdx.y) * kTokens, shared);
  block.run();
#endif
}

}  // namespace vivace::cuda
