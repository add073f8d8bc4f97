// The kernels for plain C++, for every machine.
#define VIVACE_ISA isa_scalar

#include "backends/cpu/simd/scalar.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/table.h"
