// Matmul kernels of the other formats of 4 bits.
#include "backends/cuda/formats/mxfp4.h"
#include "backends/cuda/formats/nvfp4.h"
#include "backends/cuda/formats/q4_0.h"
#include "backends/cuda/formats/q4_1.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackQ4_0>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ4_1>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackMXFP4>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackNVFP4>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
