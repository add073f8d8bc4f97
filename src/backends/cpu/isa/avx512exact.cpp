// The kernels for AVX-512 with VNNI and BF16, with exact blocks of 256 columns: what a matrix unit's table stands on.
#define VIVACE_ISA isa_avx512exact
#define VIVACE_EXACT_BLOCKS

#include "backends/cpu/simd/avx512vnni.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_exact.h"

namespace vivace {

namespace isa_avx512bf16 {
const KernelTable& kernel_table();
}

static const KernelTable& isa_avx512exact::base_table() { return isa_avx512bf16::kernel_table(); }

}  // namespace vivace
