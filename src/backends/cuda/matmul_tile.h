// Matmul of many tokens: tiles of kRows weight rows by kTokens tokens, multiplied in bf16 by tensor cores with f32
// sums.
//
// The raw bytes of the weights come to shared memory by cp.async in chunks of columns, the activations in steps of 64
// columns. While the tensor cores multiply a step, the threads unpack the next one: scales are applied in f32 and the
// values rounded to bf16 once per tile, for all its tokens. (Int8 products would have to be scaled every 32 columns:
// for tiles as wide as these that costs more than bf16's half rate, and twice as much where scales change every 16.)
// Rows of 128 bytes lie swizzled: piece p of row r at p ^ (r % 8), so that neither ldmatrix nor stores meet in a bank.
#pragma once

#include "backends/cuda/device_math.h"
#include "backends/cuda/formats/bytes.h"
#include "backends/cuda/matmul_items.h"

// Tiles want the matrix instructions and the shared memory of compute capability 8.0; GPUs before go by few tokens.
#if defined(VIVACE_ARCH) && VIVACE_ARCH > 0 && VIVACE_ARCH < 800
#define VIVACE_TILES_BUILT 0
#else
#define VIVACE_TILES_BUILT 1
#endif

namespace vivace::cuda {

constexpr int kTileOldest = 80;
constexpr int kTileThreads = 256;
constexpr int kTileStep = 64;  // columns
constexpr int kTileStages = 3;

VIVACE_DEVICE int swizzled(int row, int piece) { return row * 128 + ((piece ^ (row & 7)) * 16); }

/// Weights in blocks, as a tile reads them.
template <class Unpacker>
struct BlockSource {
  static constexpr int kChunk = 256;  // columns
  static constexpr int kChunkBytes = kChunk / Unpacker::kBlockColumns * Unpacker::kBlockBytes;
  static constexpr int kAlign = Unpacker::kAlign;
  static constexpr int kScalesPerRow = kChunk / Unpacker::kScaleColumns;
  static constexpr int kGroupsPerBlock = Unpacker::kBlockColumns / 32;
  static constexpr int kScalesPerGroup = 32 / Unpacker::kScaleColumns;
  // Codes of formats with an offset are unsigned, others become so by adding 128.
  static constexpr uint32_t kFlip = Unpacker::kHasOffset ? 0 : 0x80808080u;

  static VIVACE_DEVICE int bytes_of(int columns) { return columns / Unpacker::kBlockColumns * Unpacker::kBlockBytes; }

  /// Scale `index` of a row's chunk, its offset adapted to pack().
  static VIVACE_DEVICE Affine affine(const uint8_t* raw, int index) {
    const int group = index / kScalesPerGroup;
    const uint8_t* block = raw + group / kGroupsPerBlock * Unpacker::kBlockBytes;
    const Affine affine = Unpacker::affine(block, group % kGroupsPerBlock, index % kScalesPerGroup);
    return {affine.scale, fmaf(-32768.0f - (kFlip ? 128.0f : 0.0f), affine.scale, affine.offset)};
  }

  /// Columns 4 * quad.. of a 32-column group of the chunk, as bf16.
  static VIVACE_DEVICE uint2 load(const uint8_t* raw, int group, int quad, const Affine* affines, int stride,
                                  int /*columns*/) {
    const uint8_t* block = raw + group / kGroupsPerBlock * Unpacker::kBlockBytes;
    const uint32_t codes = static_cast<uint32_t>(Unpacker::codes(block, group % kGroupsPerBlock, quad)) ^ kFlip;
    const Affine affine = affines[(group * kScalesPerGroup + quad * kScalesPerGroup / 8) * stride];
    float values[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      // A byte in bits 8..15 below this exponent reads as 32768 + byte.
      const float code = bits_to_float(byte_permute(codes, 0x47000000u, 0x7504u | static_cast<uint32_t>(i) << 4));
      values[i] = fmaf(code, affine.scale, affine.offset);
    }
    return {pack_bf16(values[0], values[1]), pack_bf16(values[2], values[3])};
  }
};

/// F16 and BF16 weights.
template <Format kFormat>
struct HalfSource {
  static constexpr int kChunk = 128;  // columns
  static constexpr int kChunkBytes = 2 * kChunk;
  static constexpr int kAlign = 2;
  static constexpr int kScalesPerRow = 0;

  static VIVACE_DEVICE int bytes_of(int columns) { return 2 * columns; }
  static VIVACE_DEVICE Affine affine(const uint8_t*, int) { return {}; }

  /// The first `columns` columns of the chunk are the row's own.
  static VIVACE_DEVICE uint2 load(const uint8_t* raw, int group, int quad, const Affine*, int, int columns) {
    const int column = group * 32 + quad * 4;
    uint32_t low = load_word<kAlign>(raw + 2 * column), high = load_word<kAlign>(raw + 2 * column + 4);
    if constexpr (kFormat == Format::kF16) low = two_halves_to_bf16(low), high = two_halves_to_bf16(high);
    if (column + 4 > columns) {
      low = column >= columns ? 0 : column + 1 >= columns ? low & 0xFFFFu : low;
      high = column + 2 >= columns ? 0 : column + 3 >= columns ? high & 0xFFFFu : high;
    }
    return {low, high};
  }
};

/// Where things lie in a block's shared memory.
template <class Source, int kRows, int kTokens>
struct TileLayout {
  static constexpr bool kAligned = Source::kAlign % 16 == 0;
  static constexpr int kPieces = (Source::kChunkBytes + (kAligned ? 0 : 16 - Source::kAlign) + 15) / 16;
  static constexpr int kRowStride = (kPieces | 1) * 16;

  static constexpr int kInputBytes = kTokens * 2 * kTileStep, kWeightBytes = kRows * 2 * kTileStep;
  static constexpr int kRawBytes = kRows * kRowStride;
  static constexpr int kWeights = kTileStages * kInputBytes;
  static constexpr int kRaw = kWeights + 2 * kWeightBytes;
  static constexpr int kAffines = kRaw + 2 * kRawBytes;
  static constexpr int kBytes = kAffines + kRows * Source::kScalesPerRow * static_cast<int>(sizeof(Affine));
};

template <class Source, int kRows, int kTokens>
class TileBlock {
  using Layout = TileLayout<Source, kRows, kTokens>;
  static constexpr int kSteps = Source::kChunk / kTileStep;                 // of a chunk
  static constexpr int kRowTiles = kRows / 32, kTokenTiles = kTokens / 32;  // of a warp, 16 rows and 8 tokens each

 public:
  VIVACE_DEVICE TileBlock(const MatmulItems& items, const MatmulWeight& weight, int first_row, int first_token,
                          uint8_t* shared)
      : items_(items),
        weight_(weight),
        shared_(shared),
        first_row_(first_row),
        first_token_(first_token),
        thread_(static_cast<int>(threadIdx.x)),
        warp_(static_cast<int>(threadIdx.x / 32)),
        lane_(static_cast<int>(threadIdx.x % 32)) {}

  VIVACE_DEVICE void copy_raw(int chunk) const {
    uint8_t* to = shared_ + Layout::kRaw + chunk % 2 * Layout::kRawBytes;
    const int bytes = Source::bytes_of(columns_of(chunk));
    for (int i = thread_; i < kRows * Layout::kPieces; i += kTileThreads) {
      const int row = i / Layout::kPieces, piece = i % Layout::kPieces;
      const uint8_t* from = chunk_of_row(row, chunk);
      const int left = bytes + shift_of(from) - piece * 16;
      if (left > 0) {
        copy_16_async(to + row * Layout::kRowStride + piece * 16, from - shift_of(from) + piece * 16,
                      left < 16 ? left : 16);
      }
    }
  }

  VIVACE_DEVICE void copy_input(int step) const {
    uint8_t* to = shared_ + step % kTileStages * Layout::kInputBytes + swizzled(thread_ / 8, thread_ % 8);
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

  /// Unpacks the scales of a chunk, for all threads to see.
  VIVACE_DEVICE void unpack_affines(int chunk) const {
    if constexpr (Source::kScalesPerRow > 0) {
      const uint8_t* raw = shared_ + Layout::kRaw + chunk % 2 * Layout::kRawBytes;
      Affine* affines = reinterpret_cast<Affine*>(shared_ + Layout::kAffines);
      const int columns = columns_of(chunk);
      for (int i = thread_; i < kRows * Source::kScalesPerRow; i += kTileThreads) {
        const int row = i % kRows, index = i / kRows;
        const bool exists = index * (Source::kChunk / Source::kScalesPerRow) < columns;
        const uint8_t* from = raw + row * Layout::kRowStride + shift_of(chunk_of_row(row, chunk));
        affines[i] = exists ? Source::affine(from, index) : Affine{0, 0};
      }
      __syncthreads();
    }
  }

  /// Unpacks the weights of a step: a warp takes 16 rows, and both groups of 32 columns or one of them.
  VIVACE_DEVICE void unpack(int step) const {
    constexpr int kGroups = kRows / 64;
    const int chunk = step / kSteps, columns = columns_of(chunk);
    const uint8_t* raw = shared_ + Layout::kRaw + chunk % 2 * Layout::kRawBytes;
    const Affine* affines = reinterpret_cast<const Affine*>(shared_ + Layout::kAffines);
    uint8_t* to = shared_ + Layout::kWeights + step % 2 * Layout::kWeightBytes;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = warp_ * kGroups / 2 * 16 + half * 8 + lane_ / 4;
      const uint8_t* from = raw + row * Layout::kRowStride + shift_of(chunk_of_row(row, chunk));
#pragma unroll
      for (int i = 0; i < 2 * kGroups; ++i) {
        const int group = kGroups == 2 ? i / 2 : warp_ % 2, quad = lane_ % 4 + i % 2 * 4;
        const uint2 values = Source::load(from, step % kSteps * 2 + group, quad, affines + row, kRows, columns);
        // In the order of the input: the pairs of 16 columns lie in two pieces.
        const int piece = group * 4 + quad / 4 * 2;
        *reinterpret_cast<uint32_t*>(to + swizzled(row, piece) + quad % 4 * 4) = values.x;
        *reinterpret_cast<uint32_t*>(to + swizzled(row, piece + 1) + quad % 4 * 4) = values.y;
      }
    }
  }

  VIVACE_DEVICE void multiply(int step) {
    const uint8_t* input = shared_ + step % kTileStages * Layout::kInputBytes;
    const uint8_t* weights = shared_ + Layout::kWeights + step % 2 * Layout::kWeightBytes;
    const int first_row = warp_ / 4 * (kRows / 2), first_token = warp_ % 4 * (kTokens / 4);
#pragma unroll
    for (int k = 0; k < kTileStep / 16; ++k) {
      uint32_t a[kRowTiles][4], b[kTokenTiles / 2][4];
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
        load_matrices(a[i], weights + swizzled(first_row + i * 16 + lane_ % 16, k * 2 + lane_ / 16));
      }
#pragma unroll
      for (int i = 0; i < kTokenTiles / 2; ++i) {
        const int token = first_token + i * 16 + lane_ / 16 * 8 + lane_ % 8;
        load_matrices(b[i], input + swizzled(token, k * 2 + lane_ / 8 % 2));
      }
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
        for (int j = 0; j < kTokenTiles; ++j)
          mma_bf16(sums_[i][j], a[i], {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]});
      }
    }
  }

  VIVACE_DEVICE void store() const {
#pragma unroll
    for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row_ + warp_ / 4 * (kRows / 2) + i * 16 + half * 8 + lane_ / 4;
        if (row >= weight_.rows) continue;
        const float bias = weight_.bias ? weight_.bias[row] : 0.0f;
#pragma unroll
        for (int j = 0; j < kTokenTiles * 2; ++j) {
          const int token = first_token_ + warp_ % 4 * (kTokens / 4) + j / 2 * 8 + lane_ % 4 * 2 + j % 2;
          if (token >= tokens_) continue;
          weight_.output[int64_t{token} * weight_.output_stride + row] = sums_[i][j / 2][half * 2 + j % 2] + bias;
        }
      }
    }
  }

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
    for (int step = 0; step < kTileStages - 1; ++step) {
      if (step < steps) copy_input(step);
      commit_copies();
    }
    wait_copies<kTileStages - 2>();
    __syncthreads();
    unpack_affines(0);
    unpack(0);
    for (int step = 0; step < steps; ++step) {
      wait_copies<kTileStages - 2>();
      __syncthreads();
      if (step + kTileStages - 1 < steps) copy_input(step + kTileStages - 1);
      const int next = step + 1;
      if (next % kSteps == 0) {
        // The chunk before the next one has been unpacked: its place takes the one after.
        if (next / kSteps + 1 < chunks) copy_raw(next / kSteps + 1);
        if (next < steps) unpack_affines(next / kSteps);
      }
      commit_copies();
      if (next < steps) unpack(next);
      multiply(step);
    }
    wait_copies<0>();
    store();
  }

 private:
  VIVACE_DEVICE int columns_of(int chunk) const {
    const int left = items_.columns - chunk * Source::kChunk;
    return left < Source::kChunk ? left : Source::kChunk;
  }
  VIVACE_DEVICE const uint8_t* chunk_of_row(int row, int chunk) const {
    // Rows beyond the weight's read its last one again; their sums are dropped.
    const int index = first_row_ + row < weight_.rows ? first_row_ + row : weight_.rows - 1;
    return weight_.data + index * weight_.row_bytes + int64_t{chunk} * Source::kChunkBytes;
  }
  static VIVACE_DEVICE int shift_of(const uint8_t* p) {
    return Layout::kAligned ? 0 : static_cast<int>(reinterpret_cast<uintptr_t>(p) & 15);
  }

  const MatmulItems& items_;
  const MatmulWeight& weight_;
  uint8_t* const shared_;
  int tokens_ = 0;
  const int first_row_, first_token_, thread_, warp_, lane_;
  float sums_[kRowTiles][kTokenTiles][4] = {};
};

template <class Source, int kRows, int kTokens>
VIVACE_KERNEL(kTileThreads)
matmul_tile_kernel(const VIVACE_GRID_CONSTANT MatmulItems items) {
#if VIVACE_TILES_BUILT
  VIVACE_DYNAMIC_SHARED(uint8_t, shared);
  allow_next_kernel();
  const MatmulPlace place = find_weight(items, static_cast<int>(blockIdx.x));
  TileBlock<Source, kRows, kTokens> block(items, items.weights[place.weight], place.block * kRows,
                                          static_cast<int>(blockIdx.y) * kTokens, shared);
  block.run();
#endif
}

}  // namespace vivace::cuda
