// The grid of IQ1_S and IQ1_M.
#pragma once

#include "backends/cuda/formats/lattice.h"

namespace vivace::cuda {

static VIVACE_CONSTANT const Grid<2048> kIq1Points = make_grid(kIq1Grid);

}  // namespace vivace::cuda
