// RMS or layer norm of a segment of a row by a workgroup; where an addition comes before it, of the sum.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 256;
layout(constant_id = 1) const bool kLayer = false;
layout(constant_id = 2) const bool kAdd = false;
#include "lib/norm.glsl"

layout(push_constant, scalar) uniform Push {
  Rows from, result;
  Rows addend, sum;  // with kAdd: sum = from + addend * addend_scale, whole rows
  Ints count;
  uint64_t weight, bias;  // 0: absent
  uint segment;
  float epsilon, addend_scale;
} p;

void main() {
  const uint row = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x, begin = gl_WorkGroupID.x * p.segment;
  if (row >= uint(p.count.at[0])) return;
  Floats from = row_of(p.from, row), result = row_of(p.result, row);
  if (kAdd) {
    Floats addend = row_of(p.addend, row), sum = row_of(p.sum, row);
    for (uint i = thread; i < p.segment; i += kThreads) {
      precise const float both = fma(addend.at[i], p.addend_scale, from.at[i]);
      sum.at[i] = both;
    }
    from = sum;  // of which each thread reads what it wrote
  }
  float mean = 0;
  if (kLayer) {
    precise float all = 0;
    for (uint i = thread; i < p.segment; i += kThreads) all += from.at[begin + i];
    mean = sum_of_all(all) / float(p.segment);
  }
  precise float squares = 0;
  for (uint i = thread; i < p.segment; i += kThreads) {
    precise const float value = from.at[begin + i] - mean;
    squares = fma(value, value, squares);
  }
  const float factor = norm_factor(sum_of_all(squares), p.segment, p.epsilon);
  for (uint i = thread; i < p.segment; i += kThreads) {
    precise float value = (from.at[begin + i] - mean) * factor;
    if (p.weight != 0) value *= Floats(p.weight).at[i];
    if (p.bias != 0) value += Floats(p.bias).at[i];
    result.at[begin + i] = value;
  }
}
