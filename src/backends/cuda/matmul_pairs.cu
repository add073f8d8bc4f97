// Matmul kernels of two formats at once: the mixes of K-quants, in which some weights of a layer have more bits. One
// launch less for them matters where a layer takes microseconds.
#include "backends/cuda/formats/q4_k.h"
#include "backends/cuda/formats/q5_k.h"
#include "backends/cuda/formats/q6_k.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {

template void enqueue_matmul_pair<UnpackQ4_K, UnpackQ6_K>(const Launch&, MatmulItems&);
template void enqueue_matmul_pair<UnpackQ5_K, UnpackQ6_K>(const Launch&, MatmulItems&);

}  // namespace vivace::cuda
