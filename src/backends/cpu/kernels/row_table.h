// The row kernels of this instruction set as one table. Included by instruction-set translation units after their shim.
#pragma once

#include "backends/cpu/kernels/math.h"
// math.h first: the others use it.
#include "backends/cpu/kernels/attention.h"
#include "backends/cpu/kernels/row_ops.h"

namespace vivace::VIVACE_ISA {

constexpr RowKernels kRowKernels = {
    rms_norm,
    layer_norm,
    add_rows,
    scale_row,
    {glu_silu, glu_gelu_tanh, glu_gelu_erf, glu_relu},
    {rope_neighbours, rope_halves},
    kv_store_key,
    kv_store_value,
    attention,
    attention_merge,
};

}  // namespace vivace::VIVACE_ISA
