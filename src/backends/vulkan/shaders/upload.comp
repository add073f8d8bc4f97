// The step's inputs from host memory to the mirror: a workgroup a span.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 256) in;

struct Span {
  uint begin, count;
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Spans { Span at[]; };
layout(push_constant, scalar) uniform Push {
  Words from, to;
  Spans spans;
} p;

void main() {
  const Span span = p.spans.at[gl_WorkGroupID.x];
  for (uint i = gl_LocalInvocationID.x; i < span.count; i += 256) p.to.at[span.begin + i] = p.from.at[span.begin + i];
}
