// Activations as pairs of BF16 values: two neighbouring columns a dword, a row behind the other, the last line of each
// filled up with zeros.
#pragma once

#include "backends/cpu/kernels/table_above.h"

namespace vivace::VIVACE_ISA {

/// Bytes from one row of pairs to the next, whole lines. One line more than the columns need: a power of two would send
/// a column of all rows to the same place of a cache.
constexpr size_t pairs_stride(int64_t columns) { return static_cast<size_t>((columns + 31) / 32 + 1) * 64; }

/// The pairs lie behind the base's forms.
static size_t pairs_offset(uint32_t kinds, int64_t columns, int rows) {
  const uint32_t others = kinds & ~kBf16Pairs;
  return others ? base_table().prepared_bytes(others, static_cast<int32_t>(columns), rows) : 0;
}

/// The pairs of a call's first token.
static const uint8_t* pairs_of(const MatmulCall& call) {
  return call.prepared + pairs_offset(call.prepared_kinds, call.columns, call.tokens);
}

}  // namespace vivace::VIVACE_ISA
