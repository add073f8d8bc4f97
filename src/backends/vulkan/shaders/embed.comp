// variants: weight_formats
// output[t] = table[token_ids[t]] * scale
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Rows result;
  Ints count, token_ids;
  uint64_t table, tables, row_bytes;
  float scale;
} p;

#include "lib/weights.glsl"

void main() {
  const uint row = gl_WorkGroupID.y, column = gl_GlobalInvocationID.x;
  if (row >= uint(p.count.at[0]) || column >= p.result.columns) return;
  const uint64_t from = p.table + uint64_t(uint(p.token_ids.at[row])) * p.row_bytes;
  precise const float value = load_weight(from, column) * p.scale;
  row_of(p.result, row).at[column] = value;
}
