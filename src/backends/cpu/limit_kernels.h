// Loops of one instruction set that measure what its kernels can't pass. Plain function pointers: see kernel_table.h.
#pragma once

#include <cstdint>

namespace vivace {

struct LimitKernels {
  /// Reads `bytes` (a multiple of 256) once; returns the sum of all dwords, wrapping.
  uint32_t (*read_stream)(const uint8_t* data, int64_t bytes);
  /// Multiplies and adds int8 in registers for so many rounds; returns the multiply-adds done. `operands` are
  /// operand_bytes bytes of 0..15.
  int64_t (*multiply_int8)(const uint8_t* operands, int64_t rounds, uint32_t* sum);
  int64_t operand_bytes;
};

}  // namespace vivace
