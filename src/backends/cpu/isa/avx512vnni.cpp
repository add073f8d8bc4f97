// The kernels for AVX-512 with VNNI.
#define VIVACE_ISA isa_avx512vnni

#include "backends/cpu/simd/avx512vnni.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
