// output = function(gate) * up
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/math.glsl"
layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kKind = 0;  // GluKind

layout(push_constant, scalar) uniform Push {
  Rows gate, up, result;
  Ints count;
} p;

float gate_of(float x) {
  switch (kKind) {
    case 0:
      return x / (1.0 + exp(-x));
    case 1:
      return 0.5 * x * (1.0 + exact_tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
    case 2:
      return 0.5 * x * (1.0 + error_function(x * 0.7071067812));
    default:
      return max(x, 0.0);
  }
}

void main() {
  const uint row = gl_WorkGroupID.y, column = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || column >= p.result.columns) return;
  float value = gate_of(row_of(p.gate, row).at[column]);
  if (p.up.address != 0) value *= row_of(p.up, row).at[column];
  row_of(p.result, row).at[column] = value;
}
