// RMS norm of each head, then its rotation, of one tensor or two: a workgroup a head. The bits are those of norm and
// rope one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 64;
layout(constant_id = 1) const uint kHeadDim = 64;  // of the wider tensor
#include "lib/norm.glsl"
#include "lib/rotate.glsl"

/// HeadsPush::Item of elementwise.cpp.
struct Item {
  uint64_t x, table, weight;  // 0: no rotation, weights of one
  uint stride, table_stride;
  uint heads, head_dim, pairs;
  uint flags;  // 1: norm, 2: neighbours
};

layout(push_constant, scalar) uniform Push {
  Item items[2];
  Ints count;
  float epsilon[2];
} p;

shared float head[kHeadDim];

void main() {
  const uint row = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x;
  if (row >= uint(p.count.at[0])) return;
  const bool second = gl_WorkGroupID.x >= p.items[0].heads;
  const Item item = p.items[second ? 1 : 0];
  const uint index = gl_WorkGroupID.x - (second ? p.items[0].heads : 0), dim = item.head_dim;
  Floats x = Floats(item.x + (uint64_t(row) * item.stride + index * dim) * 4);
  const bool norm = (item.flags & 1u) != 0;
  float factor = 1;
  if (norm) {
    precise float squares = 0;
    for (uint i = thread; i < dim; i += kThreads) {
      const float value = x.at[i];
      squares = fma(value, value, squares);
    }
    factor = norm_factor(sum_of_all(squares), dim, p.epsilon[second ? 1 : 0]);
  }
  for (uint i = thread; i < dim; i += kThreads) {
    precise float value = x.at[i];
    if (norm) {
      value *= factor;
      if (item.weight != 0) value *= Floats(item.weight).at[i];
    }
    head[i] = value;
  }
  barrier();
  const uint rotated = item.table != 0 ? item.pairs : 0;
  for (uint pair = thread; pair < rotated; pair += kThreads) {
    const bool neighbours = (item.flags & 2u) != 0;
    const uint a = neighbours ? 2 * pair : pair, b = a + (neighbours ? 1 : item.pairs);
    Floats table = Floats(item.table + uint64_t(row) * item.table_stride * 4);
    const vec2 turned = rotate(head[a], head[b], table.at[2 * pair], table.at[2 * pair + 1]);
    x.at[a] = turned.x;
    x.at[b] = turned.y;
  }
  if (!norm) return;
  for (uint i = 2 * rotated + thread; i < dim; i += kThreads) x.at[i] = head[i];
}
