// RMS or layer norm of a segment of a row by a workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint kThreads = 256;  // a power of two
layout(constant_id = 1) const bool kLayer = false;

layout(push_constant, scalar) uniform Push {
  Rows from, result;
  Ints count;
  uint64_t weight, bias;  // 0: absent
  uint segment;
  float epsilon;
} p;

shared float partial[kThreads];

/// The sum over all threads, in an order that does not depend on subgroups.
float sum_of_all(float value) {
  const uint thread = gl_LocalInvocationID.x;
  barrier();  // earlier sums are read
  partial[thread] = value;
  barrier();
  for (uint distance = kThreads / 2; distance > 0; distance /= 2) {
    if (thread < distance) partial[thread] += partial[thread + distance];
    barrier();
  }
  return partial[0];
}

void main() {
  const uint row = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x, begin = gl_WorkGroupID.x * p.segment;
  if (row >= uint(p.count.at[0])) return;
  Floats from = row_of(p.from, row), result = row_of(p.result, row);
  float mean = 0;
  if (kLayer) {
    float sum = 0;
    for (uint i = thread; i < p.segment; i += kThreads) sum += from.at[begin + i];
    mean = sum_of_all(sum) / float(p.segment);
  }
  float squares = 0;
  for (uint i = thread; i < p.segment; i += kThreads) {
    const float value = from.at[begin + i] - mean;
    squares += value * value;
  }
  const float factor = 1.0 / sqrt(sum_of_all(squares) / float(p.segment) + p.epsilon);
  for (uint i = thread; i < p.segment; i += kThreads) {
    float value = (from.at[begin + i] - mean) * factor;
    if (p.weight != 0) value *= Floats(p.weight).at[i];
    if (p.bias != 0) value += Floats(p.bias).at[i];
    result.at[begin + i] = value;
  }
}
