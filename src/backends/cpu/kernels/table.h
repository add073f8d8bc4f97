// The one symbol that an instruction set exports: its table.
#pragma once

#include "backends/cpu/kernels/limits.h"
#include "backends/cpu/kernels/matmul.h"
#include "backends/cpu/kernels/prepare.h"
#include "backends/cpu/kernels/row_table.h"

namespace vivace::VIVACE_ISA {

const KernelTable& kernel_table() {
  static constexpr KernelTable kTable = {
      .isa = kIsaName,
      .limits = kLimitKernels,
      .matmuls = kMatmuls,
      .matmul_count = kMatmulCount,
      .base = nullptr,
      .generic = kGenericMatmul,
      .prepared_bytes = prepared_bytes,
      .prepare = prepare,
      .prepare_rows = kTileTokens,
      .rows = kRowKernels,
  };
  return kTable;
}

}  // namespace vivace::VIVACE_ISA
