// The kernels for AVX2 with VNNI.
#define VIVACE_ISA isa_avxvnni

#include "backends/cpu/simd/avxvnni.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
