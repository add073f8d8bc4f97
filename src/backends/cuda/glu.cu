// function(gate) * up, as f32 values, in the forms that matmuls read, or both.
#include "backends/cuda/kernels.h"
#include "backends/cuda/prepared.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

struct GluParams {
  RowsView gate, up, output;  // up and output may be absent
  PreparedView prepared;
  bool prepares;
  GluKind kind;
  const int32_t* count;
};

VIVACE_DEVICE float activate(GluKind kind, float x) {
  switch (kind) {
    case GluKind::kSilu:
      return x / (1.0f + expf(-x));
    case GluKind::kGeluTanh: {
      constexpr float kSqrt2OverPi = 0.79788456080286535588f;
      return 0.5f * x * (1.0f + tanhf(kSqrt2OverPi * x * (1.0f + 0.044715f * x * x)));
    }
    case GluKind::kGeluErf:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752440f));
    case GluKind::kRelu:
      break;
  }
  return fmaxf(x, 0.0f);
}

VIVACE_KERNEL(kRowThreads) glu_kernel(const VIVACE_GRID_CONSTANT GluParams params) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *params.count) return;
  Quad quad{};
  if (column < params.gate.columns) {
    quad = load_quad(params.gate, row, column);
#pragma unroll
    for (int i = 0; i < 4; ++i) quad.values[i] = activate(params.kind, quad.values[i]);
    if (params.up.data) {
      const Quad up = load_quad(params.up, row, column);
#pragma unroll
      for (int i = 0; i < 4; ++i) quad.values[i] *= up.values[i];
    }
    if (params.output.data) store_quad(params.output, row, column, quad);
  }
  if (params.prepares) store_prepared(params.prepared, row, column, quad.values);
}

}  // namespace

void enqueue_glu(const Launch& launch, const GluArgs& args) {
  if (!args.output && !args.prepared) return;
  GluParams params{};
  params.gate = rows_view(args.gate);
  if (args.up) params.up = rows_view(args.up);
  if (args.output) params.output = rows_view(args.output);
  params.kind = args.kind;
  params.count = launch.count(args.rows);
  int32_t columns = args.gate.columns;
  if (args.prepared) {
    params.prepares = true;
    params.prepared = prepared_view(device_address(args.prepared.buffer, args.prepared.offset), args.prepared.kinds,
                                    args.prepared.columns, launch.rows(args.rows));
    columns = params.prepared.columns;
  }
  launch_kernel(launch, glu_kernel, quad_grid(columns, launch.rows(args.rows)), kRowThreads, 0, params);
}

}  // namespace vivace::cuda
