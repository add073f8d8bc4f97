// The kernels for AVX-512 with VNNI and BF16: those with VNNI, and BF16 weights anew.
#define VIVACE_ISA isa_avx512bf16

#include "backends/cpu/simd/avx512bf16.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_bf16.h"

namespace vivace {

namespace isa_avx512vnni {
const KernelTable& kernel_table();
}

static const KernelTable& isa_avx512bf16::base_table() { return isa_avx512vnni::kernel_table(); }

}  // namespace vivace
