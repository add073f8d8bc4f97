// The formats with blocks of 256 columns summed exactly (panel_int8.h): a table on top of another one, whose forms it
// reads. A processor with a matrix unit multiplies its small steps so, to the bits of the unit.
#pragma once

#include "backends/cpu/detect.h"
#include "backends/cpu/kernels/int8_rows.h"
#include "backends/cpu/kernels/table_above.h"

#ifndef VIVACE_EXACT_BLOCKS
#error "the includer defines VIVACE_EXACT_BLOCKS before all includes"
#endif

namespace vivace::VIVACE_ISA {

const KernelTable& kernel_table() {
  static constexpr MatmulRow kRows[] = {
      int8_row<PanelQ2_K>(),   int8_row<PanelQ3_K>(),   int8_row<PanelQ4_K>(),   int8_row<PanelQ5_K>(),
      int8_row<PanelQ6_K>(),   int8_row<PanelIQ4_XS>(), packed_row<PanelQ2_K>(), packed_row<PanelQ3_K>(),
      packed_row<PanelQ4_K>(), packed_row<PanelQ5_K>(), packed_row<PanelQ6_K>(), packed_row<PanelIQ4_XS>(),
  };
  static const KernelTable kTable = table_above_base(kRows);
  return kTable;
}

}  // namespace vivace::VIVACE_ISA
