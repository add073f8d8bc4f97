// Matmul kernels of the IQ1 formats.
#include "backends/cuda/formats/iq1_m.h"
#include "backends/cuda/formats/iq1_s.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackIQ1_S>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ1_M>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
