// Matmul kernels of the K-quants whose codes have an even number of bits.
#include "backends/cuda/formats/q2_k.h"
#include "backends/cuda/formats/q4_k.h"
#include "backends/cuda/formats/q6_k.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackQ2_K>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ4_K>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ6_K>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
