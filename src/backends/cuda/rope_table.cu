// Cosines and sines of each token's angles.
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

VIVACE_KERNEL(kRowThreads) rope_table_kernel(const float* frequencies, float magnitude, RowsView table, StepView step) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), pair = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= *step.tokens_count() || 2 * pair >= table.columns) return;
  // The angle is rounded to f32 as in the frameworks that trained the models; its cosine is that of a double.
  const double angle = multiply_rounded(static_cast<float>(step.positions[row]), frequencies[pair]);
  double sine, cosine;
  sincos(angle, &sine, &cosine);
  table[row][2 * pair] = magnitude * static_cast<float>(cosine);
  table[row][2 * pair + 1] = magnitude * static_cast<float>(sine);
}

}  // namespace

void enqueue_rope_table(const Launch& launch, const RopeTableArgs& args) {
  const unsigned blocks = static_cast<unsigned>(args.table.columns / 2 + kRowThreads - 1) / kRowThreads;
  launch_kernel(launch, rope_table_kernel, dim3(blocks, static_cast<unsigned>(launch.tokens)), kRowThreads, 0,
                device_vector(args.frequencies), args.magnitude, rows_view(args.table), launch.step);
}

}  // namespace vivace::cuda
