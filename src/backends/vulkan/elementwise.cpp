// Operations that take values one by one: add, scale, copy, gather, activation functions, rotations.
#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr uint32_t kThreads = 256;

/// A workgroup for each 256 columns of each row.
Groups row_groups(const Recorder& recorder, RowSet rows, int32_t columns) {
  return {groups_for(columns, kThreads), uint32_t(recorder.rows(rows))};
}

struct AddPush {
  RowsPush a, b, result;
  VkDeviceAddress count;
  float scale;
  uint32_t reserved;
};

struct ScalePush {
  RowsPush from, result;
  VkDeviceAddress count;
  float factor, cap;
};

struct CopyPush {
  RowsPush from, result;
  VkDeviceAddress count, index;
};

struct GluPush {
  RowsPush gate, up, result;
  VkDeviceAddress count;
};

struct RopeTablePush {
  RowsPush table;
  VkDeviceAddress count, positions, frequencies;
  float magnitude;
  uint32_t reserved;
};

struct RopePush {
  RowsPush x, table;
  VkDeviceAddress count;
  uint32_t heads, head_dim, pairs, reserved;
};

}  // namespace

void record(Recorder& recorder, const AddArgs& args) {
  const AddPush push{rows_push(args.a),         rows_push(args.b), rows_push(args.output),
                     recorder.count(args.rows), args.b_scale,      0};
  recorder.dispatch(find_kernel("add"), {}, push, row_groups(recorder, args.rows, args.output.columns));
}

void record(Recorder& recorder, const ScaleArgs& args) {
  const ScalePush push{rows_push(args.input), rows_push(args.output), recorder.count(args.rows), args.factor, args.cap};
  recorder.dispatch(find_kernel("scale"), {}, push, row_groups(recorder, args.rows, args.output.columns));
}

void record(Recorder& recorder, const CopyArgs& args) {
  const CopyPush push{rows_push(args.input), rows_push(args.output), recorder.count(args.rows), 0};
  recorder.dispatch(find_kernel("copy"), {}, push, row_groups(recorder, args.rows, args.output.columns));
}

void record(Recorder& recorder, const GatherArgs& args) {
  const CopyPush push{rows_push(args.input), rows_push(args.output), recorder.count(RowSet::kOutputs),
                      recorder.output_rows()};
  recorder.dispatch(find_kernel("copy"), {}, push, row_groups(recorder, RowSet::kOutputs, args.output.columns));
}

void record(Recorder& recorder, const GluArgs& args) {
  if (!args.output) throw Error(ErrorCode::kInternal, "Vulkan: an activation function without an output");
  const GluPush push{rows_push(args.gate), rows_push(args.up), rows_push(args.output), recorder.count(args.rows)};
  recorder.dispatch(find_kernel("glu"), {uint32_t(args.kind)}, push,
                    row_groups(recorder, args.rows, args.output.columns));
}

void record(Recorder& recorder, const RopeTableArgs& args) {
  const RopeTablePush push{rows_push(args.table), recorder.count(RowSet::kTokens),
                           recorder.positions(),  weight_address(args.frequencies),
                           args.magnitude,        0};
  recorder.dispatch(find_kernel("rope_table"), {}, push,
                    {groups_for(args.table.columns / 2, 64), uint32_t(recorder.tokens())});
}

void record(Recorder& recorder, const RopeArgs& args) {
  check_rotation(args.rotary_dim, args.head_dim);
  const uint32_t pairs = uint32_t(args.rotary_dim / 2);
  const RopePush push{rows_push(args.x),
                      rows_push(args.table),
                      recorder.count(RowSet::kTokens),
                      uint32_t(args.heads),
                      uint32_t(args.head_dim),
                      pairs,
                      0};
  recorder.dispatch(find_kernel("rope"), {uint32_t(args.pairs == RopePairs::kNeighbours)}, push,
                    {groups_for(int64_t{args.heads} * pairs, 128), uint32_t(recorder.tokens())});
}

}  // namespace vivace::vulkan
