// output = input * factor, then a soft cap.
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads)
scale_kernel(RowsView input, RowsView output, float factor, float cap, const int32_t* count) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *count || column >= output.columns) return;
  Quad quad = load_quad(input, row, column);
  for (int i = 0; i < 4; ++i) {
    const float value = quad.values[i] * factor;
    quad.values[i] = cap > 0 ? cap * tanhf(value / cap) : value;
  }
  store_quad(output, row, column, quad);
}

}  // namespace

void enqueue_scale(const Launch& launch, const ScaleArgs& args) {
  launch_kernel(launch, scale_kernel, quad_grid(args.output.columns, launch.rows(args.rows)), kRowThreads, 0,
                rows_view(args.input), rows_view(args.output), args.factor, args.cap, launch.count(args.rows));
}

}  // namespace vivace::cuda
