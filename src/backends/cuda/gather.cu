// output[o] = input[output_rows[o]].
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads) gather_kernel(RowsView input, RowsView output, StepView step) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *step.outputs_count() || column >= output.columns) return;
  store_quad(output, row, column, load_quad(input, step.output_rows[row], column));
}

}  // namespace

void enqueue_gather(const Launch& launch, const GatherArgs& args) {
  launch_kernel(launch, gather_kernel, quad_grid(args.output.columns, launch.outputs), kRowThreads, 0,
                rows_view(args.input), rows_view(args.output), launch.step);
}

}  // namespace vivace::cuda
