// Merges the parts that attention left in the workspace, in ascending order: a workgroup a head of a token.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/softmax.glsl"
layout(local_size_x = 64) in;
const uint kTile = 256;

layout(push_constant, scalar) uniform Push {
  Rows result;
  uint64_t mirror, sinks, parts;
  uint positions;  // offset in the mirror
  uint tiles, window, value_dim;
} p;

void main() {
  const uint head = gl_WorkGroupID.x, token = gl_WorkGroupID.y;
  if (token >= Words(p.mirror).at[0]) return;
  const uint position = Words(p.mirror + p.positions).at[token];
  const uint first = p.window > 0 && position >= p.window ? position - p.window + 1 : 0;
  const uint64_t parts = p.parts + uint64_t((token * gl_NumWorkGroups.x + head) * p.tiles) * (p.value_dim + 2) * 4;
  Floats result = row_of(p.result, token);
  for (uint column = gl_LocalInvocationID.x; column < p.value_dim; column += 64) {
    float top = kLowest, sum = 0, value = 0;
    for (uint tile = first / kTile; tile <= position / kTile; ++tile) {
      Floats part = Floats(parts + uint64_t(tile) * (p.value_dim + 2) * 4);
      value = merged(value, top, part.at[2 + column], part.at[0]);
      sum = merged(sum, top, part.at[1], part.at[0]);
      top = max(top, part.at[0]);
    }
    result.at[head * p.value_dim + column] = finished(p.sinks, head, top, sum, value);
  }
}
