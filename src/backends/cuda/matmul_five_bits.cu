// Matmul kernels of the formats of 5 and 8 bits in blocks of 32.
#include "backends/cuda/formats/q5_0.h"
#include "backends/cuda/formats/q5_1.h"
#include "backends/cuda/formats/q8_0.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackQ5_0>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ5_1>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ8_0>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
