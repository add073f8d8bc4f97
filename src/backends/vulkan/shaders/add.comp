// output = a + b * scale
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Rows a, b, result;
  Ints count;
  float scale;
} p;

void main() {
  const uint row = gl_WorkGroupID.y, column = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || column >= p.result.columns) return;
  precise const float sum = fma(row_of(p.b, row).at[column], p.scale, row_of(p.a, row).at[column]);
  row_of(p.result, row).at[column] = sum;
}
