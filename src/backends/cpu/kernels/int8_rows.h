// The rows of a matmul table for a format that is multiplied as int8.
#pragma once

#include "backends/cpu/kernels/panel_int8.h"
#include "backends/cpu/kernels/rows_packed.h"

namespace vivace::VIVACE_ISA {

template <class Panel>
constexpr MatmulRow int8_row() {
  return {Panel::kFormat, Layout::kPanel16, Panel::kKind, int8_scratch_rows<Panel>(), multiply_int8<Panel>};
}
/// The same weights as they lie in the file.
template <class Panel>
constexpr MatmulRow packed_row() {
  constexpr MatmulRow kPanel = int8_row<Panel>();
  constexpr int32_t kPacked = packed_rows(Panel::kBytes, Panel::kColumns);
  return {kPanel.format, Layout::kRows, kPanel.prepared_kind, kPacked + kPanel.scratch_rows,
          multiply_packed<kPacked, multiply_int8<Panel>>};
}

}  // namespace vivace::VIVACE_ISA
