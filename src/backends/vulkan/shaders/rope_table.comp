// table[t, 2i] = magnitude * cos, [t, 2i + 1] = magnitude * sin of position * frequency
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/math.glsl"
layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
  Rows table;
  Ints count;
  Ints positions;
  Floats frequencies;
  float magnitude;
} p;

void main() {
  const uint row = gl_WorkGroupID.y, pair = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || pair >= p.table.columns / 2) return;
  precise const float angle = float(p.positions.at[row]) * p.frequencies.at[pair];
  const vec2 parts = sine_cosine(angle);
  Floats table = row_of(p.table, row);
  table.at[2 * pair] = p.magnitude * parts.y;
  table.at[2 * pair + 1] = p.magnitude * parts.x;
}
