// Matmul kernels of the formats of 1 and 2 bits without a grid.
#include "backends/cuda/formats/q1_0.h"
#include "backends/cuda/formats/q2_0.h"
#include "backends/cuda/formats/tq1_0.h"
#include "backends/cuda/formats/tq2_0.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackQ1_0>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ2_0>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackTQ1_0>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackTQ2_0>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
