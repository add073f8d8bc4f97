// An activation in the forms that matmuls read.
#include "backends/cuda/kernels.h"
#include "backends/cuda/prepared.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads) prepare_kernel(RowsView input, PreparedView prepared, const int32_t* count) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *count) return;
  const Quad quad = column < input.columns ? load_quad(input, row, column) : Quad{};
  store_prepared(prepared, row, column, quad.values);
}

}  // namespace

void enqueue_prepare(const Launch& launch, const PrepareArgs& args) {
  if (!args.prepared) return;
  const PreparedView view = prepared_view(device_address(args.prepared.buffer, args.prepared.offset),
                                          args.prepared.kinds, args.prepared.columns, launch.rows(args.rows));
  launch_kernel(launch, prepare_kernel, quad_grid(view.columns, launch.rows(args.rows)), kRowThreads, 0,
                rows_view(args.input), view, launch.count(args.rows));
}

}  // namespace vivace::cuda
