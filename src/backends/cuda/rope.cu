// Norm and rotation of heads: a warp for each head of a token, its values in registers in between.
#include "backends/cuda/heads.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

constexpr int kWarps = 4;  // heads of a block

struct HeadsPart {
  RowsView x, table;  // table.data is null without rotation
  const float* weight;
  float epsilon;
  int32_t heads, head_dim, rotary_dim;
  bool neighbours, norm;
};

struct HeadsParams {
  HeadsPart parts[2];
  int32_t heads;  // of all parts
  const int32_t* count;
};

/// 1 / root mean square of a head.
VIVACE_DEVICE float head_factor(const HeadsPart& part, const float* head, int lane) {
  float squares = 0;
  for (int c = lane; c < part.head_dim; c += 32) squares += head[c] * head[c];
  return 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(part.head_dim) + part.epsilon);
}

VIVACE_DEVICE float normed(const HeadsPart& part, const float* head, int column, float factor) {
  if (!part.norm) return head[column];
  const float value = head[column] * factor;
  return part.weight ? value * part.weight[column] : value;
}

/// A lane reads only what it writes itself, once the factor is known.
VIVACE_DEVICE void change_head(const HeadsPart& part, float* head, const float* angles, int lane) {
  const float factor = part.norm ? head_factor(part, head, lane) : 1.0f;
  sync_warp();
  const int rotary = angles ? part.rotary_dim : 0, half = rotary / 2;
  for (int i = lane; i < half; i += 32) {
    const int first = part.neighbours ? 2 * i : i, second = part.neighbours ? 2 * i + 1 : i + half;
    const float a = normed(part, head, first, factor), b = normed(part, head, second, factor);
    const float cosine = angles[2 * i], sine = angles[2 * i + 1];
    head[first] = a * cosine - b * sine;
    head[second] = a * sine + b * cosine;
  }
  if (!part.norm) return;
  for (int c = rotary + lane; c < part.head_dim; c += 32) head[c] = normed(part, head, c, factor);
}

VIVACE_KERNEL(32 * kWarps) heads_kernel(const VIVACE_GRID_CONSTANT HeadsParams params) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), lane = static_cast<int>(threadIdx.x) % 32;
  int head = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (row >= *params.count || head >= params.heads) return;
  const bool second = head >= params.parts[0].heads;
  const HeadsPart& part = params.parts[second ? 1 : 0];
  if (second) head -= params.parts[0].heads;
  const float* angles = part.table.data ? part.table[row] : nullptr;
  change_head(part, part.x[row] + static_cast<int64_t>(head) * part.head_dim, angles, lane);
}

HeadsPart make_part(const HeadsItem& item) {
  if (item.rotary_dim % 2 != 0 || item.rotary_dim > item.head_dim) {
    throw Error(ErrorCode::kInternal, "CUDA: a rotary_dim that doesn't fit the head");
  }
  HeadsPart part{};
  part.x = rows_view(item.x);
  part.table = rows_view(item.table);
  part.weight = device_vector(item.weight);
  part.epsilon = item.epsilon;
  part.heads = item.heads;
  part.head_dim = item.head_dim;
  part.rotary_dim = item.rotary_dim;
  part.neighbours = item.pairs == RopePairs::kNeighbours;
  part.norm = item.norm;
  return part;
}

}  // namespace

void enqueue_heads(const Launch& launch, const HeadsItem* items, int32_t count) {
  HeadsParams params{};
  for (int32_t i = 0; i < count; ++i) {
    params.parts[i] = make_part(items[i]);
    params.heads += items[i].heads;
  }
  params.count = launch.step.tokens_count();
  const unsigned blocks = static_cast<unsigned>(params.heads + kWarps - 1) / kWarps;
  launch_kernel(launch, heads_kernel, dim3(blocks, static_cast<unsigned>(launch.tokens)), 32 * kWarps, 0, params);
}

void enqueue_rope(const Launch& launch, const RopeArgs& args) {
  HeadsItem item;
  item.x = args.x;
  item.heads = args.heads;
  item.head_dim = args.head_dim;
  item.table = args.table;
  item.rotary_dim = args.rotary_dim;
  item.pairs = args.pairs;
  enqueue_heads(launch, &item, 1);
}

}  // namespace vivace::cuda
