// The rows of the matmul table: which format and layout goes to which kernel. One line per format.
#pragma once

#include "backends/cpu/kernels/int8_rows.h"
#include "backends/cpu/kernels/panel_float.h"
#include "backends/cpu/kernels/rows_float.h"

namespace vivace::VIVACE_ISA {

template <class Panel>
constexpr MatmulRow float_row() {
  return {Panel::kFormat, Layout::kPanel16, 0, 0, multiply_float<Panel>};
}
template <class Rows>
constexpr MatmulRow rows_row() {
  return {Rows::kFormat, Layout::kRows, 0, 0, multiply_rows<Rows>};
}

constexpr MatmulRow kMatmuls[] = {
    int8_row<PanelQ4_0>(),    int8_row<PanelQ4_1>(),   int8_row<PanelQ5_0>(),     int8_row<PanelQ5_1>(),
    int8_row<PanelQ8_0>(),    int8_row<PanelQ2_K>(),   int8_row<PanelQ3_K>(),     int8_row<PanelQ4_K>(),
    int8_row<PanelQ5_K>(),    int8_row<PanelQ6_K>(),   int8_row<PanelIQ4_NL>(),   int8_row<PanelIQ4_XS>(),
    int8_row<PanelMXFP4>(),   float_row<PanelF32>(),   float_row<PanelF16>(),     float_row<PanelBF16>(),
    packed_row<PanelQ4_0>(),  packed_row<PanelQ4_1>(), packed_row<PanelQ5_0>(),   packed_row<PanelQ5_1>(),
    packed_row<PanelQ8_0>(),  packed_row<PanelQ2_K>(), packed_row<PanelQ3_K>(),   packed_row<PanelQ4_K>(),
    packed_row<PanelQ5_K>(),  packed_row<PanelQ6_K>(), packed_row<PanelIQ4_NL>(), packed_row<PanelIQ4_XS>(),
    packed_row<PanelMXFP4>(), rows_row<RowsF32>(),     rows_row<RowsF16>(),       rows_row<RowsBF16>(),
};
constexpr int32_t kMatmulCount = sizeof(kMatmuls) / sizeof(kMatmuls[0]);
constexpr MatmulRow kGenericMatmul = {Format::kF32, Layout::kRows, 0, kFloatRows, multiply_generic};

}  // namespace vivace::VIVACE_ISA
