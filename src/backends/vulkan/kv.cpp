// The KV cache: storing a step's keys and values, attention over them.
#include <algorithm>
#include <string>

#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

/// Kv of shaders/lib/kv.glsl.
struct KvPush {
  uint64_t key_offset, value_offset;
  uint32_t pages_per_slab;
  uint32_t key_dim, value_dim, reserved;
};

struct KvWritePush {
  StepPush step;
  KvPush kv;
  VkDeviceAddress keys, values;
  uint32_t key_stride, value_stride;
  uint32_t key_units, units;
};

struct AttentionPush {
  RowsPush queries, result;
  StepPush step;
  KvPush kv;
  VkDeviceAddress sinks, parts;
  uint32_t tiles, window;
  float scale, score_cap;
};

struct MergePush {
  RowsPush result;
  VkDeviceAddress mirror, sinks, parts;
  uint32_t positions, tiles, window, value_dim;
};

constexpr int32_t kTilePages = kAttentionTile / kPageTokens;
constexpr int32_t kMostSplitTokens = 32;
constexpr int32_t kMostValueDim = 256;

/// The shader of a KV format.
const Kernel& kv_kernel(const char* stem, const KvLayer& kv) {
  switch (kv.format->format) {
    case Format::kF32:
      return find_kernel(std::string(stem) + "_f32");
    case Format::kF16:
      return find_kernel(std::string(stem) + "_f16");
    case Format::kQ8_0:
      return find_kernel(std::string(stem) + "_q8_0");
    default:
      return find_kernel(std::string(stem) + "_q4_0");
  }
}

/// Checks that the layer's format is one that this backend stores, in rows of whole blocks.
KvPush kv_push(Recorder& recorder, const KvLayer& kv) {
  const Format format = kv.format->format;
  const bool known =
      format == Format::kF32 || format == Format::kF16 || format == Format::kQ8_0 || format == Format::kQ4_0;
  const int32_t block = int32_t(kv.format->block_columns);
  if (!known || kv.key_dim % block != 0 || kv.value_dim % block != 0 || kv.value_dim > kMostValueDim) {
    throw Error(ErrorCode::kUnsupported,
                "Vulkan can't keep heads of " + std::to_string(kv.key_dim) + " and " + std::to_string(kv.value_dim) +
                    " values in a KV cache of " + kv.format->name,
                "choose the KV type f16");
  }
  recorder.use_slabs(kv);
  return {kv.key_offset,        kv.value_offset,        uint32_t(kv.slabs->pages_per_slab),
          uint32_t(kv.key_dim), uint32_t(kv.value_dim), 0};
}

/// How a workgroup of attention is cut: rows are tokens times query heads of one KV head.
struct RowCut {
  uint32_t tokens, heads;
};

/// Shared memory of a workgroup with so many rows, as attention.comp declares it.
size_t shared_bytes(const KvLayer& kv, uint32_t rows) {
  const size_t key_quads = size_t(kv.key_dim + 3) / 4;
  return rows * (key_quads * 16 + (kAttentionTile + 32 + size_t(kv.value_dim) + 4 + 2) * sizeof(float));
}

RowCut cut_rows(const Recorder& recorder, const AttentionArgs& args, uint32_t group) {
  constexpr uint32_t kMostRows = 8;  // each is a register for the score and one for the value
  uint32_t rows = kMostRows;
  while (rows > 1 && shared_bytes(args.kv, rows) > recorder.facts().shared_bytes) rows /= 2;
  const uint32_t heads = std::min(group, rows);
  const bool few = recorder.tokens() <= kMostSplitTokens;
  return {few ? 1 : rows / heads, heads};
}

}  // namespace

void record(Recorder& recorder, const KvWriteArgs& args) {
  const KvLayer& kv = args.kv;
  const uint32_t key_units = uint32_t(kv.kv_heads * ((kv.key_dim + 31) / 32));
  const uint32_t units = key_units + uint32_t(kv.kv_heads * ((kv.value_dim + 31) / 32));
  const RowsPush keys = rows_push(args.keys), values = rows_push(args.values);
  const KvPush pages = kv_push(recorder, kv);
  const KvWritePush push{recorder.step(kv.group), pages,     keys.address, values.address, keys.stride,
                         values.stride,           key_units, units};
  recorder.dispatch(kv_kernel("kv_write", kv), {}, push, {groups_for(units, 8), uint32_t(recorder.tokens())});
}

void record(Recorder& recorder, const AttentionArgs& args) {
  const KvLayer& kv = args.kv;
  if (kv.kv_heads <= 0 || args.heads % kv.kv_heads != 0) {
    throw Error(ErrorCode::kInternal, "Vulkan: query heads are no multiple of KV heads");
  }
  const KvPush pages = kv_push(recorder, kv);
  const uint32_t group = uint32_t(args.heads / kv.kv_heads);
  const RowCut cut = cut_rows(recorder, args, group);
  AttentionPush push{rows_push(args.queries),
                     rows_push(args.output),
                     recorder.step(kv.group),
                     pages,
                     weight_address(args.sinks),
                     0,
                     1,
                     uint32_t(args.window),
                     args.scale,
                     args.score_cap};
  push.tiles = groups_for(push.step.most_pages, kTilePages);
  const size_t part_bytes =
      size_t(recorder.tokens()) * size_t(args.heads) * push.tiles * (size_t(kv.value_dim) + 2) * sizeof(float);
  const bool splits =
      recorder.tokens() <= kMostSplitTokens && push.tiles > 1 && part_bytes <= recorder.workspace_bytes();
  if (splits) push.parts = recorder.workspace();
  recorder.dispatch(
      kv_kernel("attention", kv), {cut.tokens, cut.heads, group, uint32_t(kv.key_dim), uint32_t(kv.value_dim)}, push,
      {uint32_t(kv.kv_heads) * groups_for(group, cut.heads), uint32_t(recorder.tokens()), splits ? push.tiles : 1});
  if (!splits) return;
  recorder.barrier();
  const MergePush merge{push.result,         push.step.mirror, push.sinks,  push.parts,
                        push.step.positions, push.tiles,       push.window, uint32_t(kv.value_dim)};
  recorder.dispatch(find_kernel("attention_merge"), {}, merge, {uint32_t(args.heads), uint32_t(recorder.tokens())});
}

/// Room for the parts of 32 heads of 128 values; models with more take the way without parts where it doesn't suffice.
size_t attention_workspace_bytes(const GpuFacts& /*facts*/, const StepLimits& limits) {
  constexpr size_t kMostBytes = size_t{64} << 20, kToken = size_t{32} * (128 + 2) * sizeof(float);
  const size_t tiles = size_t((limits.pages + kTilePages - 1) / kTilePages);
  return std::min(kMostBytes, size_t(std::min(limits.tokens, kMostSplitTokens)) * tiles * kToken);
}

}  // namespace vivace::vulkan
