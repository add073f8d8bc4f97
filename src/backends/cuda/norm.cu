// RMS and layer norm. A block takes a whole row and keeps it in registers between the sum and the result, which goes
// out as f32, in the forms that matmuls read, or both; segments (heads) take a warp each.
#include "backends/cuda/norm.h"

#include "backends/cuda/kernels.h"
#include "backends/cuda/prepared.h"
#include "backends/cuda/rows.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

struct NormParams {
  RowsView input;
  RowsView addend, sum;  // with addend.data: sum = input + addend * addend_scale is what is normalised
  float addend_scale;
  const float *weight, *bias;
  float epsilon;
  bool centred;     // layer norm
  RowsView output;  // data may be null
  PreparedView prepared;
  bool prepares;
  const int32_t* count;
};

template <int kThreads, int kQuads>
struct NormBlock {
  const NormParams& params;
  Quad kept[kQuads];

  static VIVACE_DEVICE int column(int i) { return 4 * (i * kThreads + static_cast<int>(threadIdx.x)); }

  VIVACE_DEVICE void load(int row) {
#pragma unroll
    for (int i = 0; i < kQuads; ++i) {
      if (column(i) >= params.input.columns) {
        kept[i] = Quad{};
        continue;
      }
      kept[i] = load_quad(params.input, row, column(i));
      if (!params.addend.data) continue;
      const Quad addend = load_quad(params.addend, row, column(i));
#pragma unroll
      for (int j = 0; j < 4; ++j) kept[i].values[j] += addend.values[j] * params.addend_scale;
      store_quad(params.sum, row, column(i), kept[i]);
    }
  }

  VIVACE_DEVICE void centre(float* scratch) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kQuads; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) sum += kept[i].values[j];
    }
    const float mean = block_sum<kThreads / 32>(sum, scratch) / static_cast<float>(params.input.columns);
#pragma unroll
    for (int i = 0; i < kQuads; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (column(i) + j < params.input.columns) kept[i].values[j] -= mean;
      }
    }
  }

  VIVACE_DEVICE float factor(float* scratch) const {
    float squares = 0;
#pragma unroll
    for (int i = 0; i < kQuads; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) squares += kept[i].values[j] * kept[i].values[j];
    }
    const float mean = block_sum<kThreads / 32>(squares, scratch) / static_cast<float>(params.input.columns);
    return 1.0f / sqrtf(mean + params.epsilon);
  }

  VIVACE_DEVICE void store(int row, float factor) {
#pragma unroll
    for (int i = 0; i < kQuads; ++i) {
      const int first = column(i);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float value = kept[i].values[j] * factor;
        if (first + j < params.input.columns) {
          if (params.weight) value *= params.weight[first + j];
          if (params.bias) value += params.bias[first + j];
        }
        kept[i].values[j] = value;
      }
      if (params.output.data && first < params.output.columns) store_quad(params.output, row, first, kept[i]);
      if (params.prepares) store_prepared(params.prepared, row, first, kept[i].values);
    }
  }
};

template <int kThreads, int kQuads>
VIVACE_KERNEL(kThreads)
norm_kernel(const VIVACE_GRID_CONSTANT NormParams params) {
  __shared__ float scratch[2][kThreads / 32];
  const int row = static_cast<int>(blockIdx.x);
  allow_next_kernel();
  wait_for_previous_kernel();
  if (row >= *params.count) return;
  NormBlock<kThreads, kQuads> block{params, {}};
  block.load(row);
  if (params.centred) block.centre(scratch[0]);
  block.store(row, block.factor(scratch[1]));
}

constexpr int kSegmentWarps = 4;

/// A warp a segment; `params.columns` is a segment's.
VIVACE_KERNEL(32 * kSegmentWarps) segment_kernel(const VIVACE_GRID_CONSTANT NormParams params, int segment) {
  const int row = static_cast<int>(blockIdx.y), lane = static_cast<int>(threadIdx.x) % 32;
  const int begin = (static_cast<int>(blockIdx.x) * kSegmentWarps + static_cast<int>(threadIdx.x) / 32) * segment;
  allow_next_kernel();
  wait_for_previous_kernel();
  if (row >= *params.count || begin >= params.input.columns) return;
  const float* from = params.input[row] + begin;
  float* to = params.output[row] + begin;
  float mean = 0, squares = 0;
  if (params.centred) {
    for (int c = lane; c < segment; c += 32) mean += from[c];
    mean = warp_sum(mean) / static_cast<float>(segment);
  }
  for (int c = lane; c < segment; c += 32) squares += (from[c] - mean) * (from[c] - mean);
  const float factor = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(segment) + params.epsilon);
  for (int c = lane; c < segment; c += 32) {
    float value = (from[c] - mean) * factor;
    if (params.weight) value *= params.weight[c];
    if (params.bias) value += params.bias[c];
    to[c] = value;
  }
}

NormParams make_params(const Launch& launch, const NormArgs& args) {
  NormParams params{};
  params.input = rows_view(args.input);
  params.weight = device_vector(args.weight);
  params.bias = device_vector(args.bias);
  params.epsilon = args.epsilon;
  params.centred = args.kind == NormKind::kLayer;
  if (args.output) params.output = rows_view(args.output);
  if (args.prepared) {
    params.prepares = true;
    params.prepared = prepared_view(device_address(args.prepared.buffer, args.prepared.offset), args.prepared.kinds,
                                    args.prepared.columns, launch.rows(args.rows));
  }
  params.count = launch.count(args.rows);
  return params;
}

template <int kThreads, int kQuads>
bool fits(int32_t columns) {
  return columns <= 4 * kThreads * kQuads;
}

/// The smallest block that keeps a row in its registers. Columns beyond the row fill the last block of a prepared form.
void launch_norm(const Launch& launch, const NormArgs& args, const NormParams& params) {
  const int32_t columns = params.input.columns, rows = launch.rows(args.rows);
  const dim3 grid(static_cast<unsigned>(rows));
  if (fits<128, 4>(columns)) return launch_kernel(launch, norm_kernel<128, 4>, grid, 128, 0, params);
  if (fits<512, 4>(columns)) return launch_kernel(launch, norm_kernel<512, 4>, grid, 512, 0, params);
  if (fits<1024, 8>(columns)) return launch_kernel(launch, norm_kernel<1024, 8>, grid, 1024, 0, params);
  throw Error(ErrorCode::kUnsupported,
              "CUDA: rows of " + std::to_string(columns) + " values are too long for the norm of this backend");
}

void enqueue_segments(const Launch& launch, const NormArgs& args) {
  if (!args.output) throw Error(ErrorCode::kUnsupported, "CUDA: a norm of segments has to store its f32 values");
  const int32_t segments = args.input.columns / args.segment;
  const dim3 grid(static_cast<unsigned>(segments + kSegmentWarps - 1) / kSegmentWarps,
                  static_cast<unsigned>(launch.rows(args.rows)));
  launch_kernel(launch, segment_kernel, grid, 32 * kSegmentWarps, 0, make_params(launch, args), args.segment);
  if (args.prepared) enqueue_prepare(launch, {args.rows, args.output, args.prepared});
}

}  // namespace

void enqueue_norm(const Launch& launch, const NormArgs& args) {
  if (!args.output && !args.prepared) return;
  if (args.segment > 0 && args.segment < args.input.columns) return enqueue_segments(launch, args);
  launch_norm(launch, args, make_params(launch, args));
}

void enqueue_add_norm(const Launch& launch, const AddArgs& add, const NormArgs& norm) {
  NormParams params = make_params(launch, norm);
  params.input = rows_view(add.a);
  params.addend = rows_view(add.b);
  params.addend_scale = add.b_scale;
  params.sum = rows_view(add.output);
  launch_norm(launch, norm, params);
}

}  // namespace vivace::cuda
