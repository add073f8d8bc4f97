// Rotates pairs of each head's columns in place.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/rotate.glsl"
layout(local_size_x = 128) in;
layout(constant_id = 0) const bool kNeighbours = true;

layout(push_constant, scalar) uniform Push {
  Rows x, table;
  Ints count;
  uint heads, head_dim, pairs;
} p;

void main() {
  const uint row = gl_WorkGroupID.y, index = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || index >= p.heads * p.pairs) return;
  const uint head = index / p.pairs, pair = index % p.pairs, begin = head * p.head_dim;
  const uint first = begin + (kNeighbours ? 2 * pair : pair), second = first + (kNeighbours ? 1 : p.pairs);
  Floats x = row_of(p.x, row), table = row_of(p.table, row);
  const vec2 turned = rotate(x.at[first], x.at[second], table.at[2 * pair], table.at[2 * pair + 1]);
  x.at[first] = turned.x;
  x.at[second] = turned.y;
}
