// output = a + b * b_scale.
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads) add_kernel(RowsView a, RowsView b, RowsView output, float b_scale, const int32_t* count) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *count || column >= output.columns) return;
  Quad sum = load_quad(a, row, column);
  const Quad addend = load_quad(b, row, column);
  for (int i = 0; i < 4; ++i) sum.values[i] += addend.values[i] * b_scale;
  store_quad(output, row, column, sum);
}

}  // namespace

void enqueue_add(const Launch& launch, const AddArgs& args) {
  launch_kernel(launch, add_kernel, quad_grid(args.output.columns, launch.rows(args.rows)), kRowThreads, 0,
                rows_view(args.a), rows_view(args.b), rows_view(args.output), args.b_scale, launch.count(args.rows));
}

}  // namespace vivace::cuda
