// The kernels for AVX-512 F, BW, DQ and VL.
#define VIVACE_ISA isa_avx512

#include "backends/cpu/simd/avx512.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
