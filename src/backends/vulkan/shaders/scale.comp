// output = input * factor; with cap > 0 then cap * tanh(. / cap)
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/math.glsl"
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Rows from, result;
  Ints count;
  float factor, cap;
} p;

void main() {
  const uint row = gl_WorkGroupID.y, column = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || column >= p.result.columns) return;
  float value = row_of(p.from, row).at[column] * p.factor;
  if (p.cap > 0) value = p.cap * exact_tanh(value / p.cap);
  row_of(p.result, row).at[column] = value;
}
