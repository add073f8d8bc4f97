// What an instruction set exports that stands on another one: the base's table with some rows and forms of its own.
#pragma once

#include "backends/cpu/kernel_table.h"

namespace vivace::VIVACE_ISA {

/// The other set, which knows every other format and form; isa/<isa>.cpp says which.
static const KernelTable& base_table();

// The set's own forms beside the base's, as in KernelTable.
static size_t prepared_bytes(uint32_t kinds, int32_t columns, int32_t rows);
static void prepare(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                    int32_t row_end, int32_t rows, uint8_t* prepared);

/// `matmuls` come before the base's and must live as long as the table.
template <size_t kCount>
static KernelTable table_above_base(const MatmulRow (&matmuls)[kCount]) {
  KernelTable table = base_table();
  table.isa = kIsaName;
  table.matmuls = matmuls;
  table.matmul_count = static_cast<int32_t>(kCount);
  table.base = &base_table();
  table.prepared_bytes = prepared_bytes;
  table.prepare = prepare;
  return table;
}

}  // namespace vivace::VIVACE_ISA
