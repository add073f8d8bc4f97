// StepInputs as kernels see it: the mirror of its block in device memory, in the same order.
#pragma once

#include <cstdint>

#include "backends/cuda/gpu.h"
#include "device/step_inputs.h"

namespace vivace::cuda {

/// Pointers into the mirror; a value that kernels take as a parameter. The addresses never change, so recorded steps
/// hold them. Kernels leave rows beyond the counts alone: grids are sized by the bucket.
struct StepView {
  const int32_t* block = nullptr;
  const int32_t* token_ids = nullptr;
  const int32_t* positions = nullptr;
  const int32_t* token_sequence = nullptr;
  const int32_t* output_rows = nullptr;
  const int32_t* sequence_begin = nullptr;
  const int32_t* sequence_tokens = nullptr;
  const int32_t* page_tables = nullptr;  // [groups, sequences, pages]
  int32_t most_sequences = 0;
  int32_t most_pages = 0;

  VIVACE_HOST_DEVICE const int32_t* tokens_count() const { return block; }
  VIVACE_HOST_DEVICE const int32_t* sequences_count() const { return block + 1; }
  VIVACE_HOST_DEVICE const int32_t* outputs_count() const { return block + 2; }
  VIVACE_HOST_DEVICE const int32_t* page_table(int32_t group, int32_t sequence) const {
    return page_tables + (int64_t{group} * most_sequences + sequence) * most_pages;
  }
};

/// The view of a mirror that begins at `mirror` on the device.
inline StepView step_view(const StepInputs& inputs, const int32_t* mirror) {
  const int32_t* host = inputs.block().data();
  StepView view;
  view.block = mirror;
  view.token_ids = mirror + (inputs.token_ids() - host);
  view.positions = mirror + (inputs.positions() - host);
  view.token_sequence = mirror + (inputs.token_sequence() - host);
  view.output_rows = mirror + (inputs.output_rows() - host);
  view.sequence_begin = mirror + (inputs.sequence_begin() - host);
  view.sequence_tokens = mirror + (inputs.sequence_tokens() - host);
  view.page_tables = mirror + (inputs.page_table(0, 0) - host);
  view.most_sequences = inputs.limits().sequences;
  view.most_pages = inputs.limits().pages;
  return view;
}

}  // namespace vivace::cuda
