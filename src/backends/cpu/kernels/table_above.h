// What an instruction set exports that stands on another one: the base's table with some rows and forms of its own.
#pragma once

#include "backends/cpu/kernel_table.h"

namespace vivace::VIVACE_ISA {

/// The other set, which knows every other format and form; isa/<isa>.cpp says which.
static const KernelTable& base_table();

/// `matmuls` come before the base's and must live as long as the table. The forms are the base's.
template <size_t kCount>
static KernelTable table_above_base(const MatmulRow (&matmuls)[kCount]) {
  KernelTable table = base_table();
  table.isa = kIsaName;
  table.matmuls = matmuls;
  table.matmul_count = static_cast<int32_t>(kCount);
  table.base = &base_table();
  return table;
}

}  // namespace vivace::VIVACE_ISA
