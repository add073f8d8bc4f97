// Matmul kernels of the IQ3 and IQ4 formats.
#include "backends/cuda/formats/iq3_s.h"
#include "backends/cuda/formats/iq3_xxs.h"
#include "backends/cuda/formats/iq4_nl.h"
#include "backends/cuda/formats/iq4_xs.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_blocks<UnpackIQ3_XXS>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ3_S>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ4_NL>(const Launch&, MatmulItems&);
template void enqueue_matmul_blocks<UnpackIQ4_XS>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
