// output[r] = input[r], or input[index[r]]
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Rows from, result;
  Ints count;
  uint64_t index;  // 0: none
} p;

void main() {
  const uint row = gl_WorkGroupID.y, column = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || column >= p.result.columns) return;
  const uint source = p.index != 0 ? uint(Ints(p.index).at[row]) : row;
  // Bits, since a float that is NaN may change on its way.
  Words(row_of(p.result, row)).at[column] = Words(row_of(p.from, source)).at[column];
}
