// Matmul kernels of the weights that are plain floats.
#include "backends/cuda/matmul_float.h"
#include "backends/cuda/matmul_launch.h"

namespace vivace::cuda {
namespace {

template <Format kFormat>
void enqueue_float(const Launch& launch, MatmulItems& items, const FloatInput& input) {
  const unsigned blocks = static_cast<unsigned>(cut_rows(items, kFloatWarps * kFloatRows));
  const dim3 grid(blocks, count_blocks(items.bucket, kFloatTokens)), block(32 * kFloatWarps);
  // Eight values at once, where all rows begin at a multiple of 16 bytes.
  const bool wide = items.columns % 8 == 0 && input.stride % 4 == 0;
  const auto kernel = wide ? matmul_float_kernel<kFormat, true> : matmul_float_kernel<kFormat, false>;
  launch_kernel(launch, kernel, grid, block, 0, items, input);
}

}  // namespace

template <Format kFormat>
void enqueue_matmul_halves(const Launch& launch, MatmulItems& items) {
  if (items.bucket <= kVecTokens) return enqueue_float<kFormat>(launch, items, {});
  enqueue_tiles<HalfSource<kFormat>>(launch, items);
}

template void enqueue_matmul_halves<Format::kF16>(const Launch&, MatmulItems&);
template void enqueue_matmul_halves<Format::kBF16>(const Launch&, MatmulItems&);

void enqueue_matmul_f32(const Launch& launch, MatmulItems& items, const float* input, int32_t stride) {
  enqueue_float<Format::kF32>(launch, items, {input, stride});
}

}  // namespace vivace::cuda
