// The CPU's kernels as one table of functions per instruction set. Instruction-set translation units include this, so
// it stays free of the standard library's inline code: plain structs and function pointers only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/limit_kernels.h"
#include "backends/cpu/row_kernels.h"
#include "quant/formats.h"
#include "quant/layout.h"

namespace vivace {

/// Forms of an activation (bits of PreparedKinds). Codes are symmetric, -127..127, rounded to nearest even.
constexpr uint32_t kInt8Block32 = 1;   // one scale per 32 columns
constexpr uint32_t kInt8Block256 = 2;  // one scale per 256 columns, sums per 16 and 32
constexpr uint32_t kBf16Pairs = 4;     // no codes: values rounded to BF16, two neighbouring columns a dword

/// One chunk of output = values * weight^T + bias: rows [row_begin, row_end) of the weight for all tokens of the step.
/// row_begin is a multiple of 16, row_end too unless it is `rows`. The bits of an output do not depend on the chunk, on
/// the other tokens or on the token's place.
struct MatmulCall {
  const FormatRow* format;
  Layout layout;
  const uint8_t* weight;  // the whole weight [rows, columns]
  int64_t rows;
  int64_t columns;
  int64_t row_begin;
  int64_t row_end;
  int32_t tokens;
  uint32_t prepared_kinds;  // forms that `prepared` holds
  const uint8_t* prepared;  // written by KernelTable::prepare for these tokens; null where the kernel reads f32
  const float* values;      // [tokens, columns] f32; may be null where the kernel reads a prepared form
  int64_t values_stride;    // floats
  float* output;            // [tokens, rows]: element (t, r) at output[t * output_stride + r]
  int64_t output_stride;    // floats
  const float* bias;        // [rows] or null
  uint8_t* scratch;         // see matmul_scratch_bytes(); 64-byte aligned
};

/// "A weight of this format and layout: can be multiplied by this function".
struct MatmulRow {
  Format format;
  Layout layout;
  uint32_t prepared_kind;  // the form it reads: one bit, or 0 for f32 values
  int32_t scratch_rows;    // rows of f32 scratch it needs
  void (*run)(const MatmulCall& call);
  int32_t scratch_bytes = 0;  // of scratch at least, whatever the columns
};

/// Everything one instruction set offers. Each isa/<isa>.cpp exports one.
struct KernelTable {
  const char* isa;
  LimitKernels limits;  // kernels/limits.h

  // Matrix multiplication: kernels/matmul.h
  const MatmulRow* matmuls;  // formats with a kernel of their own
  int32_t matmul_count;
  const KernelTable* base;  // has the matmuls that are missing here; null: none are
  MatmulRow generic;        // any format and layout: decodes rows to f32 scratch
  /// Bytes of an activation [rows, columns] in these forms, for any row count up to `rows`.
  size_t (*prepared_bytes)(uint32_t kinds, int32_t columns, int32_t rows);
  /// Quantises rows [row_begin, row_end) of a step with `rows` rows into `prepared`; `values` is row_begin's first
  /// value. Rows are independent of each other; ranges cut at multiples of prepare_rows share no cache lines.
  void (*prepare)(uint32_t kinds, const float* values, int64_t stride, int32_t columns, int32_t row_begin,
                  int32_t row_end, int32_t rows, uint8_t* prepared);
  int32_t prepare_rows;

  RowKernels rows;  // everything between the matmuls: kernels/row_table.h
};

/// Bytes of scratch a thread needs for a row's kernel.
constexpr size_t matmul_scratch_bytes(const MatmulRow& row, int64_t columns) {
  const size_t rows = static_cast<size_t>(row.scratch_rows) * ((static_cast<size_t>(columns) + 15) / 16 * 16);
  const size_t least = static_cast<size_t>(row.scratch_bytes);
  return rows * sizeof(float) > least ? rows * sizeof(float) : least;
}

}  // namespace vivace
