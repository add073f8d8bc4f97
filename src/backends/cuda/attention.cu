// Attention over pages. A block takes the query heads that share a KV head, for one token, and tiles of kAttentionTile
// positions one after the other: scores with a lane for each position, softmax, then values with a thread for each
// column. In steps of few tokens each tile is a block of its own that leaves its part in the workspace, and a second
// kernel merges them in the same order with the same arithmetic: the bits don't depend on which way was taken.
#include <algorithm>
#include <string>

#include "backends/cuda/kernels.h"
#include "backends/cuda/kv_pages.h"
#include "backends/cuda/rows.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32, kTilePages = kAttentionTile / kPageTokens;
constexpr int kHeads = 4;  // query heads that share one reading of keys or values
constexpr int kMostSplitTokens = 32;
constexpr float kLowest = -3.0e38f;  // below every score
static_assert(kWarps == kTilePages);

struct AttentionParams {
  RowsView queries, output;
  KvPages kv;
  StepView step;
  int32_t group;  // query heads of a KV head
  float scale, score_cap;
  int32_t window;
  const float* sinks;
  float* parts;   // [tokens, heads, tiles] of {top, sum, values}; null: a block merges its tiles itself
  int32_t tiles;  // most of a sequence

  VIVACE_HOST_DEVICE int32_t part_values() const { return kv.value_dim + 2; }
  VIVACE_HOST_DEVICE int64_t part_at(int32_t token, int32_t head, int32_t tile) const {
    return ((int64_t{token} * kv.kv_heads * group + head) * tiles + tile) * part_values();
  }
};

/// A block's shared memory, in floats.
struct AttentionShared {
  float *queries, *scores, *sums, *scratch, *top, *sum, *tile_top, *tile_sum;

  VIVACE_HOST_DEVICE static int floats(int group, int key_dim, int value_dim) {
    return group * (key_dim + kAttentionTile + value_dim + 4) + kHeads * (kThreads > value_dim ? kThreads : value_dim);
  }
  VIVACE_HOST_DEVICE AttentionShared(float* memory, int group, int key_dim, int value_dim) {
    queries = memory;                        // [group, key_dim]
    scores = queries + group * key_dim;      // [group, tile], then the weights
    sums = scores + group * kAttentionTile;  // [group, value_dim]
    top = sums + group * value_dim;          // [group] each
    sum = top + group;
    tile_top = sum + group;
    tile_sum = tile_top + group;
    scratch = tile_sum + group;  // [parts, kHeads, columns]
  }
};

/// exp of differences of scores; both the lowest: 0.
VIVACE_DEVICE float weight_of(float score, float top) { return score <= kLowest ? 0.0f : expf(score - top); }

template <Format kFormat>
class AttentionBlock {
 public:
  VIVACE_DEVICE AttentionBlock(const AttentionParams& params, float* memory, int token, int kv_head)
      : p_(params),
        shared_(memory, params.group, params.kv.key_dim, params.kv.value_dim),
        kv_head_(kv_head),
        token_(token),
        thread_(static_cast<int>(threadIdx.x)) {
    position_ = p_.step.positions[token];
    first_ = p_.window > 0 && position_ >= p_.window ? position_ - p_.window + 1 : 0;
    pages_ = p_.step.page_table(p_.kv.group, p_.step.token_sequence[token]);
  }

  VIVACE_DEVICE int first_tile() const { return first_ / kAttentionTile; }
  VIVACE_DEVICE int last_tile() const { return position_ / kAttentionTile; }

  VIVACE_DEVICE void begin() {
    const float* from = p_.queries[token_] + static_cast<int64_t>(kv_head_) * p_.group * p_.kv.key_dim;
    for (int i = thread_; i < p_.group * p_.kv.key_dim; i += kThreads) shared_.queries[i] = from[i];
    for (int i = thread_; i < p_.group * p_.kv.value_dim; i += kThreads) shared_.sums[i] = 0;
    for (int g = thread_; g < p_.group; g += kThreads) {
      shared_.top[g] = kLowest;
      shared_.sum[g] = 0;
    }
    __syncthreads();
  }

  /// Merges a tile into the sums.
  VIVACE_DEVICE void add_tile(int tile) {
    score(tile);
    __syncthreads();
    soften();
    __syncthreads();
    for (int head = 0; head < p_.group; head += kHeads) add_values(tile, head);
    for (int g = thread_; g < p_.group; g += kThreads) {
      const float top = fmaxf(shared_.top[g], shared_.tile_top[g]);
      shared_.sum[g] =
          shared_.sum[g] * weight_of(shared_.top[g], top) + shared_.tile_sum[g] * weight_of(shared_.tile_top[g], top);
      shared_.top[g] = top;
    }
    __syncthreads();
  }

  VIVACE_DEVICE void store_part(int tile) const {
    for (int g = 0; g < p_.group; ++g) {
      float* part = p_.parts + p_.part_at(token_, kv_head_ * p_.group + g, tile);
      if (thread_ == 0) {
        part[0] = shared_.top[g];
        part[1] = shared_.sum[g];
      }
      for (int c = thread_; c < p_.kv.value_dim; c += kThreads) part[2 + c] = shared_.sums[g * p_.kv.value_dim + c];
    }
  }

  VIVACE_DEVICE void store() const {
    const int columns = p_.kv.value_dim;
    for (int i = thread_; i < p_.group * columns; i += kThreads) {
      const int g = i / columns, head = kv_head_ * p_.group + g;
      p_.output[token_][static_cast<int64_t>(head) * columns + i % columns] =
          finish(p_, head, shared_.top[g], shared_.sum[g], shared_.sums[i]);
    }
  }

  /// What a value becomes after the last tile: the sink takes its share.
  static VIVACE_DEVICE float finish(const AttentionParams& p, int head, float top, float sum, float value) {
    if (!p.sinks) return value / sum;
    const float sink = p.sinks[head], new_top = fmaxf(top, sink);
    return value * weight_of(top, new_top) / (sum * weight_of(top, new_top) + weight_of(sink, new_top));
  }

 private:
  /// Scores of the tile's positions: a warp a page, a lane a position.
  VIVACE_DEVICE void score(int tile) const {
    const int index = thread_ / 32, slot = thread_ % 32, page_index = tile * kTilePages + index;
    const int position = page_index * kPageTokens + slot, key_dim = p_.kv.key_dim;
    const bool any = page_index * kPageTokens <= position_ && (page_index + 1) * kPageTokens > first_;
    const bool seen = position >= first_ && position <= position_;
    const uint8_t* keys = any ? head_bytes(p_.kv, pages_[page_index], kv_head_, true) : nullptr;
    for (int head = 0; head < p_.group; head += kHeads) {
      float dots[kHeads] = {};
      for (int c = 0; seen && c < key_dim; ++c) {
        const float key = KvFormat<kFormat>::key(keys, c, slot);
#pragma unroll
        for (int i = 0; i < kHeads; ++i) {
          const int g = head + i < p_.group ? head + i : head;
          dots[i] += shared_.queries[g * key_dim + c] * key;
        }
      }
      for (int i = 0; i < kHeads && head + i < p_.group; ++i) {
        float score = dots[i] * p_.scale;
        if (p_.score_cap > 0) score = p_.score_cap * tanhf(score / p_.score_cap);
        shared_.scores[(head + i) * kAttentionTile + thread_] = seen ? score : kLowest;
      }
    }
  }

  /// Scores become weights relative to the tile's highest: a warp a head.
  VIVACE_DEVICE void soften() const {
    const int lane = thread_ % 32;
    for (int g = thread_ / 32; g < p_.group; g += kWarps) {
      float* scores = shared_.scores + g * kAttentionTile;
      float top = kLowest, sum = 0;
      for (int i = lane; i < kAttentionTile; i += 32) top = fmaxf(top, scores[i]);
      top = warp_max(top);
      for (int i = lane; i < kAttentionTile; i += 32) {
        scores[i] = weight_of(scores[i], top);
        sum += scores[i];
      }
      sum = warp_sum(sum);
      if (lane == 0) {
        shared_.tile_top[g] = top;
        shared_.tile_sum[g] = sum;
      }
    }
  }

  /// Adds the tile's weighted values for kHeads heads: threads share out columns, and parts of the tile where there are
  /// fewer columns than threads.
  VIVACE_DEVICE void add_values(int tile, int head) const {
    const int columns = p_.kv.value_dim, width = columns < kThreads ? columns : kThreads, parts = kThreads / width;
    const int part = thread_ / width, positions = (kAttentionTile + parts - 1) / parts;
    for (int base = 0; base < columns; base += width) {
      const int column = base + thread_ % width;
      float sums[kHeads] = {};
      if (part < parts && column < columns) sum_values(tile, head, column, part * positions, positions, sums);
      if (part < parts) {
#pragma unroll
        for (int i = 0; i < kHeads; ++i) shared_.scratch[(part * kHeads + i) * width + thread_ % width] = sums[i];
      }
      __syncthreads();
      for (int j = thread_; j < kHeads * width; j += kThreads) {
        const int g = head + j / width, c = base + j % width;
        if (g >= p_.group || c >= columns) continue;
        float sum = 0;
        for (int i = 0; i < parts; ++i) sum += shared_.scratch[i * kHeads * width + j];
        const float top = fmaxf(shared_.top[g], shared_.tile_top[g]);
        float& all = shared_.sums[g * columns + c];
        all = all * weight_of(shared_.top[g], top) + sum * weight_of(shared_.tile_top[g], top);
      }
      __syncthreads();
    }
  }

  VIVACE_DEVICE void sum_values(int tile, int head, int column, int begin, int count, float (&sums)[kHeads]) const {
    const int from = tile * kAttentionTile, row_bytes = p_.kv.value_head_bytes / kPageTokens;
    const int first = begin > first_ - from ? begin : first_ - from;
    int end = begin + count < kAttentionTile ? begin + count : kAttentionTile;
    if (end > position_ + 1 - from) end = position_ + 1 - from;
    const uint8_t* values = nullptr;
    for (int i = first; i < end; ++i) {
      if (i == first || i % kPageTokens == 0) {
        values = head_bytes(p_.kv, pages_[tile * kTilePages + i / kPageTokens], kv_head_, false);
      }
      const float value = KvFormat<kFormat>::value(values, column, i % kPageTokens, row_bytes);
#pragma unroll
      for (int j = 0; j < kHeads; ++j) {
        const int g = head + j < p_.group ? head + j : head;
        sums[j] += shared_.scores[g * kAttentionTile + i] * value;
      }
    }
  }

  const AttentionParams& p_;
  const AttentionShared shared_;
  const int kv_head_, token_, thread_;
  int position_, first_;
  const int32_t* pages_;
};

template <Format kFormat>
VIVACE_KERNEL(kThreads)
attention_kernel(const VIVACE_GRID_CONSTANT AttentionParams params) {
  VIVACE_DYNAMIC_SHARED(float, memory);
  allow_next_kernel();
  wait_for_previous_kernel();
  const int token = static_cast<int>(blockIdx.y), tile = static_cast<int>(blockIdx.z);
  if (token >= *params.step.tokens_count()) return;
  AttentionBlock<kFormat> block(params, memory, token, static_cast<int>(blockIdx.x));
  if (params.parts) {
    if (tile < block.first_tile() || tile > block.last_tile()) return;
    block.begin();
    block.add_tile(tile);
    block.store_part(tile);
    return;
  }
  block.begin();
  for (int i = block.first_tile(); i <= block.last_tile(); ++i) block.add_tile(i);
  block.store();
}

constexpr int kMergeThreads = 128;

/// Merges the parts of one head of a token in ascending order.
VIVACE_KERNEL(kMergeThreads) merge_kernel(const VIVACE_GRID_CONSTANT AttentionParams params) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int head = static_cast<int>(blockIdx.x), token = static_cast<int>(blockIdx.y);
  if (token >= *params.step.tokens_count()) return;
  const int position = params.step.positions[token];
  const int first = params.window > 0 && position >= params.window ? position - params.window + 1 : 0;
  const int columns = params.kv.value_dim;
  for (int c = static_cast<int>(threadIdx.x); c < columns; c += kMergeThreads) {
    float top = kLowest, sum = 0, value = 0;
    for (int tile = first / kAttentionTile; tile <= position / kAttentionTile; ++tile) {
      const float* part = params.parts + params.part_at(token, head, tile);
      const float new_top = fmaxf(top, part[0]), keep = weight_of(top, new_top), take = weight_of(part[0], new_top);
      value = value * keep + part[2 + c] * take;
      sum = sum * keep + part[1] * take;
      top = new_top;
    }
    params.output[token][static_cast<int64_t>(head) * columns + c] =
        AttentionBlock<Format::kF32>::finish(params, head, top, sum, value);
  }
}

AttentionParams make_params(const Launch& launch, const AttentionArgs& args) {
  AttentionParams params{};
  params.queries = rows_view(args.queries);
  params.output = rows_view(args.output);
  params.kv = kv_pages(args.kv);
  params.step = launch.step;
  if (args.kv.kv_heads <= 0 || args.heads % args.kv.kv_heads != 0) {
    throw Error(ErrorCode::kInternal, "CUDA: query heads are no multiple of KV heads");
  }
  params.group = args.heads / args.kv.kv_heads;
  params.scale = args.scale;
  params.score_cap = args.score_cap;
  params.window = args.window;
  params.sinks = device_vector(args.sinks);
  params.tiles = (launch.step.most_pages + kTilePages - 1) / kTilePages;
  const size_t bytes = static_cast<size_t>(params.part_at(launch.tokens, 0, 0)) * sizeof(float);
  const bool splits = launch.tokens <= kMostSplitTokens && params.tiles > 1 && bytes <= launch.workspace_bytes;
  if (splits) params.parts = reinterpret_cast<float*>(launch.workspace);
  return params;
}

}  // namespace

void enqueue_attention(const Launch& launch, const AttentionArgs& args) {
  const AttentionParams params = make_params(launch, args);
  const size_t shared =
      static_cast<size_t>(AttentionShared::floats(params.group, params.kv.key_dim, params.kv.value_dim)) *
      sizeof(float);
  if (shared > static_cast<size_t>(launch.device->shared_per_block)) {
    throw Error(ErrorCode::kUnsupported, "CUDA: attention of " + std::to_string(params.group) +
                                             " query heads a KV head doesn't fit the GPU's shared memory");
  }
  const dim3 grid(static_cast<unsigned>(args.kv.kv_heads), static_cast<unsigned>(launch.tokens),
                  params.parts ? static_cast<unsigned>(params.tiles) : 1u);
  visit_kv_format(args.kv.format->format, [&](auto format) {
    launch_kernel(launch, attention_kernel<decltype(format)::value>, grid, kThreads, shared, params);
  });
  if (!params.parts) return;
  launch_kernel(launch, merge_kernel, dim3(static_cast<unsigned>(args.heads), static_cast<unsigned>(launch.tokens)),
                kMergeThreads, 0, params);
}

/// Room for the parts of 32 heads of 128 values; models with more take the way without parts where it doesn't suffice.
size_t attention_workspace_bytes(const DeviceFacts& /*device*/, const StepLimits& limits) {
  constexpr size_t kMostBytes = size_t{64} << 20, kToken = size_t{32} * (128 + 2) * sizeof(float);
  const size_t tiles = static_cast<size_t>((limits.pages + kTilePages - 1) / kTilePages);
  return std::min(kMostBytes, static_cast<size_t>(std::min(limits.tokens, kMostSplitTokens)) * tiles * kToken);
}

}  // namespace vivace::cuda
