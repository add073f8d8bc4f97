// The kernels for AVX2 with FMA and F16C.
#define VIVACE_ISA isa_avx2

#include "backends/cpu/simd/avx2.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
