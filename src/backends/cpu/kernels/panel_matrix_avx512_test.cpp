// The kernels of panel_matrix.h as avx512amx has them, over a matrix unit in plain C++: a table for
// panel_matrix_test.cpp.
#define VIVACE_ISA isa_software_avx512
#define VIVACE_EXACT_BLOCKS

#include "backends/cpu/simd/avx512.h"
// The twin of the unit is written over the shim.
#include "backends/cpu/simd/matrix_software.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_matrix.h"

namespace vivace {

namespace isa_avx512exact {
const KernelTable& kernel_table();
}

static const KernelTable& isa_software_avx512::base_table() { return isa_avx512exact::kernel_table(); }

}  // namespace vivace
