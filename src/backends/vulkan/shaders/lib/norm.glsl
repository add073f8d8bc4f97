// Sums over a workgroup of kThreads (a power of two) in an order that does not depend on subgroups.
#ifndef VIVACE_NORM_GLSL
#define VIVACE_NORM_GLSL

shared float partial[kThreads];

float sum_of_all(float value) {
  const uint thread = gl_LocalInvocationID.x;
  barrier();  // earlier sums are read
  partial[thread] = value;
  barrier();
  for (uint distance = kThreads / 2; distance > 0; distance /= 2) {
    if (thread < distance) {
      precise const float both = partial[thread] + partial[thread + distance];
      partial[thread] = both;
    }
    barrier();
  }
  return partial[0];
}

/// What a segment is multiplied by, of the sum of its squares.
float norm_factor(float squares, uint columns, float epsilon) {
  precise const float factor = 1.0 / sqrt(squares / float(columns) + epsilon);
  return factor;
}
#endif
