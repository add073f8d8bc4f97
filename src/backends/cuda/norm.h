// Norms that take the addition before them along: one pass over the hidden state instead of two.
#pragma once

#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// `norm` of the sum that `add` leaves in its output, which is the norm's input. Whole rows only (segment 0).
void enqueue_add_norm(const Launch& launch, const AddArgs& add, const NormArgs& norm);

}  // namespace vivace::cuda
