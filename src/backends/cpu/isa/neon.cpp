// The kernels for ARMv8.2 with dot products.
#define VIVACE_ISA isa_neon

#include "backends/cpu/simd/neon.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
