// Exact blocks in plain C++: the table below the one over a matrix unit in plain C++, for panel_matrix_test.cpp.
#define VIVACE_ISA isa_exact_scalar
#define VIVACE_EXACT_BLOCKS

#include "backends/cpu/simd/scalar.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_exact.h"

namespace vivace {

static const KernelTable& isa_exact_scalar::base_table() { return vivace::kernel_table("scalar"); }

}  // namespace vivace
