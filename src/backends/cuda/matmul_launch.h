// The choice of a kernel by the bucket, for the files that instantiate enqueue_matmul_blocks.
#pragma once

#include <algorithm>
#include <string>

#include "backends/cuda/matmul_blocks.h"
#include "backends/cuda/matmul_tile.h"
#include "backends/cuda/matmul_vec.h"
#include "backends/cuda/matmul_warpgroup.h"
#include "base/error.h"

namespace vivace::cuda {

/// Cuts every weight into blocks of so many rows; returns the blocks of all.
inline int cut_rows(MatmulItems& items, int rows_per_block) {
  int blocks = 0;
  for (int i = 0; i < items.count; ++i) {
    blocks += (items.weights[i].rows + rows_per_block - 1) / rows_per_block;
    items.weights[i].end_block = blocks;
  }
  return blocks;
}

inline unsigned count_blocks(int items, int per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

/// Warps of a block of the kernels for few tokens, which need `bytes(warps)` of shared memory.
template <class Bytes>
int vec_warps(const Launch& launch, int blocks, int columns, const Bytes& bytes) {
  // More slices a warp cost less, where there are enough blocks to keep many warps on each multiprocessor.
  int warps = blocks >= 6 * launch.device->multiprocessors ? kVecSlices / 2 : kVecSlices;
  const int chunks = (columns + kVecChunk - 1) / kVecChunk;
  while (warps / 2 >= chunks) warps /= 2;
  while (warps > 1 && bytes(warps) > launch.device->shared_per_block) warps /= 2;
  return warps;
}

template <class Unpacker, int kRowTiles, int kTokens>
void enqueue_vec(const Launch& launch, MatmulItems& items) {
  const VecLayout<Unpacker, kRowTiles, kTokens> layout(items.bucket);
  const int blocks = cut_rows(items, 16 * kRowTiles);
  const int warps = vec_warps(launch, blocks, items.columns, [&](int count) { return layout.block_bytes(count); });
  launch_kernel(launch, matmul_vec_kernel<Unpacker, kRowTiles, kTokens>, dim3(static_cast<unsigned>(blocks)),
                dim3(static_cast<unsigned>(32 * warps)), static_cast<size_t>(layout.block_bytes(warps)), items);
}

template <class First, class Second, int kRowTiles, int kTokens>
void enqueue_vec_pair(const Launch& launch, MatmulItems& items) {
  const VecLayout<First, kRowTiles, kTokens> first(items.bucket);
  const VecLayout<Second, kRowTiles, kTokens> second(items.bucket);
  const auto bytes = [&](int warps) { return std::max(first.block_bytes(warps), second.block_bytes(warps)); };
  const int blocks = cut_rows(items, 16 * kRowTiles), warps = vec_warps(launch, blocks, items.columns, bytes);
  launch_kernel(launch, matmul_vec_pair_kernel<First, Second, kRowTiles, kTokens>, dim3(static_cast<unsigned>(blocks)),
                dim3(static_cast<unsigned>(32 * warps)), static_cast<size_t>(bytes(warps)), items);
}

template <class Source, int kRows, int kTokens>
void enqueue_tile(const Launch& launch, MatmulItems& items) {
  const dim3 grid(static_cast<unsigned>(cut_rows(items, kRows)), count_blocks(items.bucket, kTokens));
  launch_kernel(launch, matmul_tile_kernel<Source, kRows, kTokens>, grid, dim3(kTileThreads),
                size_t{TileLayout<Source, kRows, kTokens>::kBytes}, items);
}

template <class Source, int kTokens>
void enqueue_warpgroup(const Launch& launch, MatmulItems& items) {
  const dim3 grid(static_cast<unsigned>(cut_rows(items, kWarpgroupRows)), count_blocks(items.bucket, kTokens));
  launch_kernel(launch, matmul_warpgroup_kernel<Source, kTokens>, grid, dim3(kTileThreads),
                size_t{WarpgroupLayout<Source, kTokens>::kBytes}, items);
}

/// Whether tiles of 256 tokens need less time than those of 128: they are faster a token, but there are fewer of them
/// to share out among the multiprocessors.
inline bool wide_tiles_pay(const Launch& launch, MatmulItems& items) {
  const int rows = cut_rows(items, kWarpgroupRows), processors = launch.device->multiprocessors;
  const auto waves = [&](int tokens) {
    return (rows * static_cast<int>(count_blocks(items.bucket, tokens)) + processors - 1) / processors;
  };
  return items.bucket >= 256 && 17 * waves(256) <= 10 * waves(128);
}

/// The largest tiles that fill the device and fit its shared memory.
template <class Source>
void enqueue_tiles(const Launch& launch, MatmulItems& items) {
  const int shared = launch.device->shared_per_block;
  if (items.bucket >= 128 && has_warpgroups(launch.device->compute)) {
    return wide_tiles_pay(launch, items) ? enqueue_warpgroup<Source, 256>(launch, items)
                                         : enqueue_warpgroup<Source, 128>(launch, items);
  }
  if (items.bucket >= 128 && TileLayout<Source, 128, 128>::kBytes <= shared) {
    return enqueue_tile<Source, 128, 128>(launch, items);
  }
  if (launch.device->compute < kTileOldest || TileLayout<Source, 64, 64>::kBytes > shared) {
    throw Error{ErrorCode::kUnsupported,
                "this GPU multiplies at most " + std::to_string(kVecTokens) + " tokens at once",
                "set the batch size to " + std::to_string(kVecTokens)};
  }
  enqueue_tile<Source, 64, 64>(launch, items);
}

template <class Unpacker>
void enqueue_matmul_blocks(const Launch& launch, MatmulItems& items) {
  if (items.bucket == 1) return enqueue_vec<Unpacker, 1, 1>(launch, items);
  if (items.bucket <= 8) return enqueue_vec<Unpacker, 1, 8>(launch, items);
  if (items.bucket <= 16) return enqueue_vec<Unpacker, 2, 16>(launch, items);
  if (items.bucket <= kVecTokens) return enqueue_vec<Unpacker, 2, kVecTokens>(launch, items);
  enqueue_tiles<BlockSource<Unpacker>>(launch, items);
}

template <class First, class Second>
void enqueue_matmul_pair(const Launch& launch, MatmulItems& items) {
  if (items.bucket == 1) return enqueue_vec_pair<First, Second, 1, 1>(launch, items);
  if (items.bucket <= 8) return enqueue_vec_pair<First, Second, 1, 8>(launch, items);
  if (items.bucket <= 16) return enqueue_vec_pair<First, Second, 2, 16>(launch, items);
  enqueue_vec_pair<First, Second, 2, kVecTokens>(launch, items);
}

}  // namespace vivace::cuda
