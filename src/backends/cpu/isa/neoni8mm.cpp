// The kernels for ARMv8.2 with dot products and int8 matrix products.
#define VIVACE_ISA isa_neoni8mm

#include "backends/cpu/simd/neoni8mm.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
