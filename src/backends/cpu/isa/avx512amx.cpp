// The kernels for AVX-512 with AMX: those with exact blocks, and int8 panels anew for many tokens, and F16 and BF16
// ones.
#define VIVACE_ISA isa_avx512amx
#define VIVACE_EXACT_BLOCKS
#define VIVACE_PAIR_UNIT

#include "backends/cpu/simd/avx512amx.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_matrix.h"

namespace vivace {

namespace isa_avx512exact {
const KernelTable& kernel_table();
}

static const KernelTable& isa_avx512amx::base_table() { return isa_avx512exact::kernel_table(); }

}  // namespace vivace
