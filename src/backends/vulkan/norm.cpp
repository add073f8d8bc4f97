// RMS norm and layer norm, and the forms of an activation that matmuls read.
#include <algorithm>
#include <bit>

#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

struct NormPush {
  RowsPush from, result, addend, sum;
  VkDeviceAddress count, weight, bias;
  uint32_t segment;
  float epsilon, addend_scale;
  uint32_t reserved;
};

void record_norm(Recorder& recorder, const NormArgs& args, const AddArgs* add) {
  if (!args.output) throw Error(ErrorCode::kInternal, "Vulkan: a norm without an output");
  const uint32_t columns = uint32_t(args.output.columns);
  const uint32_t segment = args.segment > 0 ? uint32_t(args.segment) : columns;
  if (columns % segment != 0) throw Error(ErrorCode::kInternal, "Vulkan: segments don't divide the row");
  NormPush push{};
  push.from = rows_push(add != nullptr ? add->a : args.input);
  push.result = rows_push(args.output);
  if (add != nullptr) {
    push.addend = rows_push(add->b);
    push.sum = rows_push(add->output);
    push.addend_scale = add->b_scale;
  }
  push.count = recorder.count(args.rows);
  push.weight = weight_address(args.weight);
  push.bias = weight_address(args.bias);
  push.segment = segment;
  push.epsilon = args.epsilon;
  recorder.dispatch(
      find_kernel("norm"),
      {norm_threads(segment, recorder.facts()), uint32_t(args.kind == NormKind::kLayer), uint32_t(add != nullptr)},
      push, {columns / segment, uint32_t(recorder.rows(args.rows))});
}

/// Item of shaders/heads.comp.
struct HeadsPushItem {
  VkDeviceAddress x, table, weight;
  uint32_t stride, table_stride;
  uint32_t heads, head_dim, pairs, flags;
};

struct HeadsPush {
  HeadsPushItem items[2];
  VkDeviceAddress count;
  float epsilon[2];
};

HeadsPushItem heads_item(const HeadsItem& item) {
  const RowsPush x = rows_push(item.x), table = rows_push(item.table);
  return {x.address,
          table.address,
          weight_address(item.weight),
          x.stride,
          table.stride,
          uint32_t(item.heads),
          uint32_t(item.head_dim),
          uint32_t(item.rotary_dim / 2),
          uint32_t(item.norm) | uint32_t(item.pairs == RopePairs::kNeighbours) << 1};
}

}  // namespace

uint32_t norm_threads(uint32_t segment, const GpuFacts& facts) {
  return std::clamp(std::bit_ceil(segment), 32u, std::min(512u, std::bit_floor(facts.most_threads)));
}

void record(Recorder& recorder, const NormArgs& args) { record_norm(recorder, args, nullptr); }

void record(Recorder& recorder, const AddNormCall& call) { record_norm(recorder, call.norm, &call.add); }

void check_rotation(int32_t rotary_dim, int32_t head_dim) {
  if (rotary_dim % 2 == 0 && rotary_dim <= head_dim) return;
  throw Error(ErrorCode::kInternal, "Vulkan: rotary_dim doesn't fit the head");
}

/// Heads of different widths: their sums are cut differently, so each tensor has a launch of its own.
static void record_heads_apart(Recorder& recorder, const HeadsCall& call) {
  for (int32_t i = 0; i < call.count; ++i) {
    HeadsCall one;
    one.items[0] = call.items[size_t(i)];
    one.count = 1;
    record(recorder, one);
  }
}

void record(Recorder& recorder, const HeadsCall& call) {
  HeadsPush push{};
  uint32_t widest = 0, heads = 0, threads = 0;
  for (int32_t i = 0; i < call.count; ++i) {
    const HeadsItem& item = call.items[size_t(i)];
    check_rotation(item.rotary_dim, item.head_dim);
    if (item.heads * item.head_dim != item.x.columns)
      throw Error(ErrorCode::kInternal, "Vulkan: heads don't fit the row");
    push.items[i] = heads_item(item);
    push.epsilon[i] = item.epsilon;
    widest = std::max(widest, uint32_t(item.head_dim));
    heads += uint32_t(item.heads);
    const uint32_t wanted = norm_threads(uint32_t(item.head_dim), recorder.facts());
    if (threads != 0 && threads != wanted) return record_heads_apart(recorder, call);
    threads = wanted;
  }
  push.count = recorder.count(RowSet::kTokens);
  recorder.dispatch(find_kernel("heads"), {threads, widest}, push, {heads, uint32_t(recorder.tokens())});
}

void record(Recorder& /*recorder*/, const PrepareArgs& args) {
  if (args.prepared) throw Error(ErrorCode::kInternal, "Vulkan: it has no prepared activations");
}

}  // namespace vivace::vulkan
