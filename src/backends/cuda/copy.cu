// output = input, row by row.
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads) copy_kernel(RowsView input, RowsView output, const int32_t* count) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *count || column >= output.columns) return;
  store_quad(output, row, column, load_quad(input, row, column));
}

}  // namespace

void enqueue_copy(const Launch& launch, const CopyArgs& args) {
  launch_kernel(launch, copy_kernel, quad_grid(args.output.columns, launch.rows(args.rows)), kRowThreads, 0,
                rows_view(args.input), rows_view(args.output), launch.count(args.rows));
}

}  // namespace vivace::cuda
