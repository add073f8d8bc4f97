// variants: dot int f16 f32
// Products in registers, as many as the machine can: 16 chains a thread.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#if defined(DOT)
#include "lib/dot.glsl"
#define VALUE int
#define STEP(sum) sum = sum + DOT4(a, sum)
#elif defined(INT)
#define VALUE int
#define STEP(sum) sum = a * sum + b
#elif defined(F16)
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define VALUE f16vec2
#define STEP(sum) sum = fma(a, sum, b)
#else
#define VALUE float
#define STEP(sum) sum = fma(a, sum, b)
#endif
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Ints to;
  uint rounds;
  uint seed;
} p;

void main() {
  const VALUE a = VALUE(p.seed), b = VALUE(gl_LocalInvocationID.x & 3u);
  VALUE sums[16];
  [[unroll]] for (uint i = 0; i < 16; ++i) sums[i] = VALUE(i);
  for (uint round = 0; round < p.rounds; ++round) {
    [[unroll]] for (uint i = 0; i < 16; ++i) STEP(sums[i]);
  }
  VALUE all = VALUE(0);
  [[unroll]] for (uint i = 0; i < 16; ++i) all += sums[i];
  if (all == VALUE(12345)) p.to.at[0] = 1;
}
