// The step's inputs on their way up: written to page-locked memory, fetched by the step's first kernel.
#pragma once

#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// What the host leaves in page-locked memory: this head, then the block of StepInputs as it is.
struct UploadHead {
  int32_t rows = 0;   // page tables in use: groups * sequences is their number
  int32_t pages = 0;  // of each, the first so many entries matter
};
constexpr size_t kUploadBlockOffset = 64;  // bytes

/// Bytes of the page-locked memory.
inline size_t upload_bytes(const StepInputs& inputs) { return kUploadBlockOffset + inputs.block().size_bytes(); }

/// Writes what of the inputs is in use.
void fill_upload(const StepInputs& inputs, uint8_t* upload);

/// Fetches it into the mirror of launch.step. `groups` page tables a sequence.
void enqueue_upload(const Launch& launch, const StepInputs& inputs, const uint8_t* upload);

}  // namespace vivace::cuda
