// What the matrix products share: output[t, r] = sum over c of input[t, c] * weight[r, c], plus bias[r].
#ifndef VIVACE_MATMUL_GLSL
#define VIVACE_MATMUL_GLSL

/// MatmulPush of matmul.cpp.
layout(push_constant, scalar) uniform Push {
  Rows from, result;
  Ints count;
  uint64_t weight, bias;  // bias 0: none
  uint64_t tables, row_bytes;
} p;

#include "lib/weights.glsl"

/// Columns 16 * unit.. of a weight's row; 0 behind the last column and for rows that are not there.
void load_weights(uint row, uint unit, out float values[16]) {
  const uint64_t begin = p.weight + uint64_t(row) * p.row_bytes;
  if (row < p.result.columns && (!kHasTails || unit * 16 + 16 <= p.from.columns)) {
    load_unit(begin, unit, values);
    return;
  }
  [[unroll]] for (uint i = 0; i < 16; ++i) values[i] = 0;
  if (!kHasTails || row >= p.result.columns) return;
  for (uint i = 0; unit * 16 + i < p.from.columns; ++i) values[i] = load_weight(begin, unit * 16 + i);
}

/// Columns 4 * quad.. of an input row; 0 behind the last column. kAligned: rows consist of whole, aligned vec4.
vec4 load_input(uint64_t row, uint quad) {
  if (kAligned) return Floats4(row).at[quad];
  vec4 values = vec4(0);
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    if (quad * 4 + i < p.from.columns) values[i] = Floats(row).at[quad * 4 + i];
  }
  return values;
}

void store(uint token, uint row, float sum) {
  if (p.bias != 0) sum += Floats(p.bias).at[row];
  row_of(p.result, token).at[row] = sum;
}
#endif
