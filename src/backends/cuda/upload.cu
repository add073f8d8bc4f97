#include "backends/cuda/upload.h"

#include <algorithm>
#include <cstring>

#include "backends/cuda/device_math.h"

namespace vivace::cuda {
namespace {

constexpr int kThreads = 256;

struct UploadParams {
  const UploadHead* head;
  const int32_t* from;  // the block in host memory
  int32_t* to;
  int32_t fixed;  // values before the page tables
  int32_t groups, most_sequences, most_pages;
};

/// Reads over the link take a microsecond whatever their number: all threads have theirs under way at once.
VIVACE_KERNEL(kThreads) upload_kernel(const VIVACE_GRID_CONSTANT UploadParams params) {
  const int first = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int threads = static_cast<int>(gridDim.x * blockDim.x);
  const UploadHead head = *params.head;
  wait_for_previous_kernel();
  for (int i = first; i < params.fixed / 4; i += threads) {
    reinterpret_cast<int4*>(params.to)[i] = reinterpret_cast<const int4*>(params.from)[i];
  }
  for (int i = params.fixed / 4 * 4 + first; i < params.fixed; i += threads) params.to[i] = params.from[i];
  const int entries = params.groups * head.rows * head.pages;
  for (int i = first; i < entries; i += threads) {
    const int page = i % head.pages, row = i / head.pages;
    const int table = row / head.rows * params.most_sequences + row % head.rows;
    const int64_t at = params.fixed + static_cast<int64_t>(table) * params.most_pages + page;
    params.to[at] = params.from[at];
  }
}

int32_t fixed_values(const StepInputs& inputs) {
  return static_cast<int32_t>(inputs.page_table(0, 0) - inputs.block().data());
}

}  // namespace

void fill_upload(const StepInputs& inputs, uint8_t* upload) {
  UploadHead head;
  head.rows = inputs.sequences();
  for (int32_t s = 0; s < inputs.sequences(); ++s) {
    const int32_t last = inputs.sequence_begin()[s] + inputs.sequence_tokens()[s] - 1;
    if (inputs.sequence_tokens()[s] > 0) {
      head.pages = std::max(head.pages, inputs.positions()[last] / kPageTokens + 1);
    }
  }
  head.pages = std::clamp(head.pages, 0, inputs.limits().pages);
  std::memcpy(upload, &head, sizeof head);
  const int32_t* from = inputs.block().data();
  int32_t* to = reinterpret_cast<int32_t*>(upload + kUploadBlockOffset);
  std::memcpy(to, from, static_cast<size_t>(fixed_values(inputs)) * sizeof(int32_t));
  for (int32_t g = 0; g < inputs.limits().kv_groups; ++g) {
    for (int32_t s = 0; s < head.rows; ++s) {
      const int32_t* table = inputs.page_table(g, s);
      std::memcpy(to + (table - from), table, static_cast<size_t>(head.pages) * sizeof(int32_t));
    }
  }
}

void enqueue_upload(const Launch& launch, const StepInputs& inputs, const uint8_t* upload) {
  UploadParams params{};
  params.head = reinterpret_cast<const UploadHead*>(upload);
  params.from = reinterpret_cast<const int32_t*>(upload + kUploadBlockOffset);
  params.to = const_cast<int32_t*>(launch.step.block);
  params.fixed = fixed_values(inputs);
  params.groups = inputs.limits().kv_groups;
  params.most_sequences = inputs.limits().sequences;
  params.most_pages = inputs.limits().pages;
  const int32_t quads = params.fixed / 4;
  const unsigned blocks = static_cast<unsigned>(std::clamp(quads / kThreads, 1, 16));
  launch_kernel(launch, upload_kernel, blocks, kThreads, 0, params);
}

}  // namespace vivace::cuda
