// Matmul of a few tokens (at most kVecTokens) by quantised weights: the weights are read once, at the speed of memory.
//
// A block owns 16 * kRowTiles rows of a weight. The columns are cut into chunks of 256, chunk c belongs to slice
// c % kVecSlices, and the block's warps share out the slices. A warp copies the raw bytes of its chunks to shared
// memory by cp.async, two chunks ahead, so that many bytes are under way without occupying registers, unpacks codes
// straight into the A fragments of mma.m16n8k32 (rows are the weight's) and multiplies kTokens tokens. Sums of 32
// columns (or 16) are exact in int32 and scaled in f32. At the end the slices' sums are added in their order: the bits
// don't depend on how many warps there are.
#pragma once

#include "backends/cuda/device_math.h"
#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/matmul_items.h"

namespace vivace::cuda {

constexpr int kVecSlices = 8;   // and most warps of a block
constexpr int kVecChunk = 256;  // columns
constexpr int kVecStages = 2;

/// Tiles of eight tokens: columns of the B fragments.
template <int kTokens>
constexpr int kVecTokenTiles = kTokens <= 8 ? 1 : kTokens / 8;

/// Sizes of a warp's share of shared memory.
template <class Unpacker, int kRowTiles, int kTokens>
struct VecLayout {
  static constexpr int kRows = 16 * kRowTiles;
  static constexpr int kChunkBytes = kVecChunk / Unpacker::kBlockColumns * Unpacker::kBlockBytes;
  static constexpr bool kAligned = Unpacker::kAlign % 16 == 0;
  // Pieces of 16 bytes that a row of a chunk may touch, and their distance: odd, so that eight rows lie in all banks.
  static constexpr int kPieces = (kChunkBytes + (kAligned ? 0 : 16 - Unpacker::kAlign) + 15) / 16;
  static constexpr int kRowStride = (kPieces | 1) * 16;
  static constexpr bool kHalfSums = Unpacker::kHasOffset && Unpacker::kScaleColumns == 16;
  static constexpr int kScalesPerRow = kVecChunk / Unpacker::kScaleColumns;

  static constexpr int kWeightBytes = kRows * kRowStride;
  static constexpr int kAffineBytes = kRows * kScalesPerRow * static_cast<int>(sizeof(Affine));
  static constexpr int kTokenTiles = kVecTokenTiles<kTokens>;
  static constexpr int kSums = kTokens * kRows;  // of a slice
  static constexpr int kSumBytes = kVecSlices * kSums * 4;

  int shift;  // 2^shift tokens of a tile of eight are copied, at least 2
  VIVACE_HOST_DEVICE explicit VecLayout(int bucket) : shift(kTokens == 1 || bucket <= 2 ? 1 : bucket <= 4 ? 2 : 3) {}
  VIVACE_HOST_DEVICE int code_bytes() const { return kTokenTiles * kVecChunk << shift; }
  VIVACE_HOST_DEVICE int scale_bytes() const { return kTokenTiles * kVecChunk / 4 << shift; }
  VIVACE_HOST_DEVICE int half_sum_bytes() const { return kHalfSums ? kTokenTiles * kVecChunk : 0; }
  VIVACE_HOST_DEVICE int stage_bytes() const { return kWeightBytes + code_bytes() + scale_bytes() + half_sum_bytes(); }
  VIVACE_HOST_DEVICE int warp_bytes() const { return kVecStages * stage_bytes() + kAffineBytes; }
  VIVACE_HOST_DEVICE int block_bytes(int warps) const { return kSumBytes + warps * warp_bytes(); }
};

/// One warp's walk over its chunks.
template <class Unpacker, int kRowTiles, int kTokens>
class VecWarp {
  using Layout = VecLayout<Unpacker, kRowTiles, kTokens>;
  static constexpr int kTokenTiles = Layout::kTokenTiles;
  static constexpr int kCopies = (Layout::kRows * Layout::kPieces + 31) / 32;  // of 16 bytes, by each lane

 public:
  VIVACE_DEVICE VecWarp(const MatmulItems& items, const MatmulWeight& weight, int first_row, uint8_t* shared, int lane)
      : items_(items), layout_(items.bucket), shared_(shared), lane_(lane) {
    const int row_limit = weight.rows - 1 - first_row;
    rows_ = weight.data + first_row * weight.row_bytes;
    // Rows beyond the weight's read its last one again; their sums are dropped.
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int row = (i * 32 + lane) / Layout::kPieces, piece = (i * 32 + lane) % Layout::kPieces;
      offsets_[i] = (row < row_limit ? row : row_limit) * static_cast<int>(weight.row_bytes) + piece * 16;
    }
    if constexpr (!Layout::kAligned) {
      const auto misalignment = [&](int row) {
        return static_cast<int>(reinterpret_cast<uintptr_t>(rows_) & 15) +
               (row < row_limit ? row : row_limit) * static_cast<int>(weight.row_bytes);
      };
#pragma unroll
      for (int i = 0; i < 2 * kRowTiles; ++i) fragment_starts_[i] = misalignment(i * 8 + lane / 4);
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) affine_starts_[i] = misalignment(i * 16 + lane % 16);
    }
  }

  /// Starts copying the weights of a chunk; they don't depend on the kernel before this one.
  VIVACE_DEVICE void copy_weights(int chunk, int stage) const {
    uint8_t* to = shared_ + stage * layout_.stage_bytes();
    const int begin = chunk * Layout::kChunkBytes;
    const int bytes = chunk_bytes(chunk);
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int index = i * 32 + lane_, piece = index % Layout::kPieces;
      if (Layout::kRows * Layout::kPieces % 32 != 0 && index >= Layout::kRows * Layout::kPieces) break;
      const uint8_t* from = rows_ + (offsets_[i] + begin);
      constexpr int kPadding = Layout::kRowStride - Layout::kPieces * 16;
      uint8_t* place = to + index * 16 + (kPadding > 0 ? index / Layout::kPieces * kPadding : 0);
      if (Layout::kAligned && Unpacker::kBlockColumns == 256) {
        copy_16_async(place, from);
        continue;
      }
      const int shift = Layout::kAligned ? 0 : static_cast<int>(reinterpret_cast<uintptr_t>(from) & 15);
      const int left = bytes + shift - piece * 16;
      if (left > 0) copy_16_async(place, from - shift, left < 16 ? left : 16);
    }
  }

  VIVACE_DEVICE void copy_input(int chunk, int stage) const {
    const PreparedView& input = items_.input;
    const int groups = groups_of(chunk), pairs = (groups + 1) / 2, shift = layout_.shift;
    uint8_t* to = shared_ + stage * layout_.stage_bytes() + Layout::kWeightBytes;
#pragma unroll
    for (int tile = 0; tile < kTokenTiles; ++tile) {
      const int first = tile * (input.columns / 64) + chunk * (kVecChunk / 64);
      // 4 << shift pieces of each pair of groups.
#pragma unroll
      for (int i = 0; i < (kTokens == 1 ? 1 : 4); ++i) {
        const int index = i * 32 + lane_, pair = index >> (shift + 2), piece = index & ((4 << shift) - 1);
        if (pair >= pairs) break;
        copy_16_async(to + ((tile * 16 << shift) + index) * 16, input.codes + ((first + pair) * 32 + piece) * 16);
      }
    }
    to += layout_.code_bytes();
#pragma unroll
    for (int tile = 0; tile < kTokenTiles; ++tile) {
      const int first = tile * (input.columns / 32) + chunk * (kVecChunk / 32);
      const int group = lane_ >> (shift - 1), pair = lane_ & ((1 << (shift - 1)) - 1);
      if (group < groups) {
        copy_16_async(to + ((tile * 4 << shift) + lane_) * 16, &input.scales[(first + group) * 8 + pair * 2]);
      }
      if constexpr (Layout::kHalfSums) {
        if (lane_ < groups * 2) {
          copy_16_async(to + layout_.scale_bytes() + (tile * 16 + lane_) * 16, &input.half_sums[first * 8 + lane_ * 4]);
        }
      }
    }
  }

  /// Adds a chunk that has arrived.
  VIVACE_DEVICE void multiply(int chunk, int stage) {
    const uint8_t* from = shared_ + stage * layout_.stage_bytes();
    Affine* affines = reinterpret_cast<Affine*>(shared_ + kVecStages * layout_.stage_bytes());
    const int groups = groups_of(chunk);
    unpack_affines(chunk, from, affines);
    sync_warp();
    const uint8_t* blocks[kRowTiles][2];
#pragma unroll
    for (int tile = 0; tile < kRowTiles; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = tile * 16 + half * 8 + lane_ / 4;
        blocks[tile][half] = from + row * Layout::kRowStride + shift_in(chunk, fragment_starts_[tile * 2 + half]);
      }
    }
#pragma unroll
    for (int pair = 0; pair < kVecChunk / 64; ++pair) {
      if (Unpacker::kBlockColumns < 256 && 2 * pair >= groups) break;
      uint4 codes[kTokenTiles];
#pragma unroll
      for (int tile = 0; tile < kTokenTiles; ++tile) codes[tile] = load_codes(from, tile, pair);
#pragma unroll
      for (int odd = 0; odd < 2; ++odd) {
        const int group = 2 * pair + odd;
        if (Unpacker::kBlockColumns < 64 && group >= groups) break;
        uint32_t b[kTokenTiles][2];
#pragma unroll
        for (int tile = 0; tile < kTokenTiles; ++tile) {
          b[tile][0] = odd ? codes[tile].z : codes[tile].x;
          b[tile][1] = odd ? codes[tile].w : codes[tile].y;
        }
        multiply_group(from, affines, blocks, b, group);
      }
    }
    sync_warp();  // the stage and the scales may be overwritten
  }

  /// Writes the sums of a slice as [kTokens][rows] and begins anew.
  VIVACE_DEVICE void store(float* sums) {
#pragma unroll
    for (int row_tile = 0; row_tile < kRowTiles; ++row_tile) {
#pragma unroll
      for (int tile = 0; tile < kTokenTiles; ++tile) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int row = row_tile * 16 + i / 2 * 8 + lane_ / 4, token = tile * 8 + lane_ % 4 * 2 + i % 2;
          if (token < kTokens) sums[token * Layout::kRows + row] = sums_[row_tile][tile][i];
          sums_[row_tile][tile][i] = 0;
        }
      }
    }
  }

 private:
  VIVACE_DEVICE int groups_of([[maybe_unused]] int chunk) const {
    if constexpr (Unpacker::kBlockColumns == 256) return kVecChunk / 32;
    const int left = items_.columns / 32 - chunk * (kVecChunk / 32);
    return left < kVecChunk / 32 ? left : kVecChunk / 32;
  }
  VIVACE_DEVICE int chunk_bytes([[maybe_unused]] int chunk) const {
    if constexpr (Unpacker::kBlockColumns == 256) return Layout::kChunkBytes;
    return groups_of(chunk) * 32 / Unpacker::kBlockColumns * Unpacker::kBlockBytes;
  }
  /// Where a row's chunk begins within its first 16 bytes.
  static VIVACE_DEVICE int shift_in(int chunk, int start) {
    return Layout::kAligned ? 0 : (start + chunk * Layout::kChunkBytes) & 15;
  }

  /// Scales (and offsets) of all rows, [scale][row]: each half of the warp takes half of a row's.
  VIVACE_DEVICE void unpack_affines(int chunk, const uint8_t* from, Affine* affines) const {
    constexpr int kScales = Layout::kScalesPerRow / 2, kPerGroup = 32 / Unpacker::kScaleColumns;
    const int half = lane_ / 16, groups = groups_of(chunk);
#pragma unroll
    for (int tile = 0; tile < kRowTiles; ++tile) {
      const int row = tile * 16 + lane_ % 16;
      const uint8_t* blocks = from + row * Layout::kRowStride + shift_in(chunk, affine_starts_[tile]);
      Affine* to = affines + half * kScales * Layout::kRows + row;
      if constexpr (Unpacker::kHalfBlocks) {
        Affine half_block[kScales];
        Unpacker::affines(blocks, half, half_block);
#pragma unroll
        for (int i = 0; i < kScales; ++i) to[i * Layout::kRows] = half_block[i];
      } else {
#pragma unroll
        for (int i = 0; i < kScales; ++i) {
          const int group = half * 4 + i / kPerGroup;
          if (Unpacker::kBlockColumns < 256 && group >= groups) break;
          to[i * Layout::kRows] = Unpacker::affine(block_of(blocks, group), group % kGroupsPerBlock, i % kPerGroup);
        }
      }
    }
  }

  VIVACE_DEVICE uint4 load_codes(const uint8_t* from, int tile, int pair) const {
    // Lanes without a token repeat another's.
    const int index = ((tile * 4 + pair) * 4 << layout_.shift) + (lane_ & ((4 << layout_.shift) - 1));
    return *reinterpret_cast<const uint4*>(from + Layout::kWeightBytes + index * 16);
  }

  /// {scale, scaled sum} of this lane's two tokens.
  VIVACE_DEVICE float4 load_scales(const uint8_t* from, int tile, int group) const {
    const int width = layout_.shift - 1, pair = lane_ & ((1 << width) - 1);
    const uint8_t* scales = from + Layout::kWeightBytes + layout_.code_bytes();
    return *reinterpret_cast<const float4*>(scales + (((tile * 8 + group) << width) + pair) * 16);
  }
  VIVACE_DEVICE float2 load_half_sums(const uint8_t* from, int tile, int group) const {
    const uint8_t* sums = from + Layout::kWeightBytes + layout_.code_bytes() + layout_.scale_bytes();
    return *reinterpret_cast<const float2*>(sums + (tile * 8 + group) * 32 + lane_ % 4 * 8);
  }

  static constexpr int kGroupsPerBlock = Unpacker::kBlockColumns / 32;
  static VIVACE_DEVICE const uint8_t* block_of(const uint8_t* blocks, int group) {
    return blocks + group / kGroupsPerBlock * Unpacker::kBlockBytes;
  }

  VIVACE_DEVICE void multiply_group(const uint8_t* from, const Affine* affines,
                                    const uint8_t* const (&blocks)[kRowTiles][2], const uint32_t (&b)[kTokenTiles][2],
                                    int group) {
    float4 scales[kTokenTiles];
#pragma unroll
    for (int tile = 0; tile < kTokenTiles; ++tile) scales[tile] = load_scales(from, tile, group);
#pragma unroll
    for (int row_tile = 0; row_tile < kRowTiles; ++row_tile) {
      uint32_t a[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint8_t* block = block_of(blocks[row_tile][i % 2], group);
        a[i] = static_cast<uint32_t>(Unpacker::codes(block, group % kGroupsPerBlock, lane_ % 4 + i / 2 * 4));
      }
      const int row = row_tile * 16 + lane_ / 4;
      if constexpr (Unpacker::kScaleColumns == 32) {
        const Affine upper = affines[group * Layout::kRows + row], lower = affines[group * Layout::kRows + row + 8];
#pragma unroll
        for (int tile = 0; tile < kTokenTiles; ++tile) {
          int products[4];
          mma_s8_k32(products, a, b[tile], kExactMagic);
          add_scaled(sums_[row_tile][tile], products, upper, lower, scales[tile]);
        }
      } else {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Affine upper = affines[(2 * group + half) * Layout::kRows + row];
          const Affine lower = affines[(2 * group + half) * Layout::kRows + row + 8];
#pragma unroll
          for (int tile = 0; tile < kTokenTiles; ++tile) {
            int products[4];
            mma_s8_k16(products, {a[2 * half], a[2 * half + 1]}, b[tile][half], kExactMagic);
            add_scaled(sums_[row_tile][tile], products, upper, lower,
                       half_scales(from, tile, group, half, scales[tile]));
          }
        }
      }
    }
  }

  /// The same with the sums of the half alone, where offsets need them.
  VIVACE_DEVICE float4 half_scales(const uint8_t* from, int tile, int group, int half, float4 scales) const {
    if constexpr (Layout::kHalfSums) {
      const float2 first = load_half_sums(from, tile, group);
      scales.y = half ? scales.y - first.x : first.x;
      scales.w = half ? scales.w - first.y : first.y;
    }
    return scales;
  }

  /// A sum that starts at this integer is, read as a float, 1.5 * 2^23 + sum: no conversion needed.
  static constexpr int kExactMagic = 0x4B400000;

  static VIVACE_DEVICE void add_scaled(float (&sums)[4], const int (&products)[4], Affine upper, Affine lower,
                                       float4 tokens) {
#pragma unroll
    for (int i = 0; i < 4; i += kTokens == 1 ? 2 : 1) {
      const Affine& row = i < 2 ? upper : lower;
      const float exact = bits_to_float(static_cast<uint32_t>(products[i])) - 0x1.8p23f;
      sums[i] += exact * (row.scale * (i % 2 ? tokens.z : tokens.x));
      if constexpr (Unpacker::kHasOffset) sums[i] += row.offset * (i % 2 ? tokens.w : tokens.y);
    }
  }

  const MatmulItems& items_;
  const Layout layout_;
  uint8_t* const shared_;
  const uint8_t* rows_;
  int offsets_[kCopies];                                           // from rows_ to the pieces that this lane copies
  int fragment_starts_[2 * kRowTiles], affine_starts_[kRowTiles];  // where rows begin, modulo 16, if not at 0
  const int lane_;
  float sums_[kRowTiles][kTokenTiles][4] = {};
};

/// A warp's walk through its slices.
struct VecPlace {
  int slice, chunk;

  VIVACE_DEVICE bool inside(int chunks) const { return slice < kVecSlices && chunk < chunks; }
  /// The next chunk; true where a slice has ended.
  VIVACE_DEVICE bool advance(int chunks, int warps) {
    chunk += kVecSlices;
    if (chunk < chunks) return false;
    slice += warps;
    chunk = slice;
    return true;
  }
};

/// Adds the slices' sums in their order and stores the outputs that exist.
template <int kRows, int kTokens>
VIVACE_DEVICE void store_vec_sums(const MatmulItems& items, const MatmulWeight& weight, int first_row, int chunks,
                                  const float* sums, int thread, int threads) {
  const int tokens = *items.tokens, slices = chunks < kVecSlices ? chunks : kVecSlices;
  for (int i = thread; i < kRows * kTokens; i += threads) {
    const int token = i / kRows, row = first_row + i % kRows;
    if (token >= tokens || row >= weight.rows) continue;
    float sum = 0;
    for (int slice = 0; slice < slices; ++slice) sum += sums[slice * kRows * kTokens + i];
    if (weight.bias) sum += weight.bias[row];
    weight.output[int64_t{token} * weight.output_stride + row] = sum;
  }
}

/// A block's work: rows of one weight.
template <class Unpacker, int kRowTiles, int kTokens>
VIVACE_DEVICE void multiply_vec(const MatmulItems& items, const MatmulPlace& place, uint8_t* shared) {
  using Layout = VecLayout<Unpacker, kRowTiles, kTokens>;
  const unsigned thread = threadIdx.x;
  const int warp = static_cast<int>(thread / 32), lane = static_cast<int>(thread % 32);
  const int warps = static_cast<int>(blockDim.x / 32), chunks = (items.columns + kVecChunk - 1) / kVecChunk;
  const MatmulWeight& weight = items.weights[place.weight];
  const int first_row = place.block * Layout::kRows;
  float* sums = reinterpret_cast<float*>(shared);
  VecWarp<Unpacker, kRowTiles, kTokens> walk(
      items, weight, first_row, shared + Layout::kSumBytes + warp * Layout(items.bucket).warp_bytes(), lane);

  VecPlace ahead{warp, warp};
  for (int stage = 0; stage < kVecStages; ++stage) {
    if (ahead.inside(chunks)) walk.copy_weights(ahead.chunk, stage);
    ahead.advance(chunks, warps);
  }
  wait_for_previous_kernel();
  ahead = {warp, warp};
  for (int stage = 0; stage < kVecStages; ++stage) {
    if (ahead.inside(chunks)) walk.copy_input(ahead.chunk, stage);
    ahead.advance(chunks, warps);
    commit_copies();
  }
  int stage = 0;
  for (VecPlace now{warp, warp}; now.inside(chunks);) {
    wait_copies<kVecStages - 1>();
    sync_warp();
    walk.multiply(now.chunk, stage);
    if (ahead.inside(chunks)) {
      walk.copy_weights(ahead.chunk, stage);
      walk.copy_input(ahead.chunk, stage);
    }
    commit_copies();
    ahead.advance(chunks, warps);
    const int slice = now.slice;
    if (now.advance(chunks, warps)) walk.store(sums + slice * Layout::kSums);
    stage = stage + 1 == kVecStages ? 0 : stage + 1;
  }
  __syncthreads();
  store_vec_sums<Layout::kRows, kTokens>(items, weight, first_row, chunks, sums, static_cast<int>(thread), warps * 32);
}

template <class Unpacker, int kRowTiles, int kTokens>
VIVACE_KERNEL(32 * kVecSlices)
matmul_vec_kernel(const VIVACE_GRID_CONSTANT MatmulItems items) {
  VIVACE_DYNAMIC_SHARED(uint8_t, shared);
  allow_next_kernel();
  multiply_vec<Unpacker, kRowTiles, kTokens>(items, find_weight(items, static_cast<int>(blockIdx.x)), shared);
}

/// The same for weights in two formats: those of the second one say so.
template <class First, class Second, int kRowTiles, int kTokens>
VIVACE_KERNEL(32 * kVecSlices)
matmul_vec_pair_kernel(const VIVACE_GRID_CONSTANT MatmulItems items) {
  VIVACE_DYNAMIC_SHARED(uint8_t, shared);
  allow_next_kernel();
  const MatmulPlace place = find_weight(items, static_cast<int>(blockIdx.x));
  if (items.weights[place.weight].in_second_format) {
    multiply_vec<Second, kRowTiles, kTokens>(items, place, shared);
  } else {
    multiply_vec<First, kRowTiles, kTokens>(items, place, shared);
  }
}

}  // namespace vivace::cuda
