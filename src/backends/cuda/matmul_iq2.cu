// Matmul kernels of the IQ2 formats.
#include "backends/cuda/formats/iq2_s.h"
#include "backends/cuda/formats/iq2_xs.h"
#include "backends/cuda/formats/iq2_xxs.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackIQ2_XXS>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ2_XS>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ2_S>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
