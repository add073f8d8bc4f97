// Matmul kernels of the K-quants whose codes have an odd number of bits.
#include "backends/cuda/formats/q3_k.h"
#include "backends/cuda/formats/q5_k.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackQ3_K>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackQ5_K>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
