// variants: weight_formats
// Few tokens: 32 threads along the columns, each with 2 rows and up to 8 tokens; 8 rows a workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint kTokens = 1;  // a power of two, at most 8
layout(constant_id = 1) const bool kAligned = true;
#include "lib/matmul.glsl"

const uint kLanes = 32, kThreadRows = 2, kGroupRows = 128 / kLanes * kThreadRows;

shared float partial[kGroupRows * kTokens][kLanes + 1];

void main() {
  const uint thread = gl_LocalInvocationID.x, lane = thread % kLanes, first_row = thread / kLanes * kThreadRows;
  const uint group_row = gl_WorkGroupID.x * kGroupRows;
  const uint tokens = min(uint(p.count.at[0]), kTokens);
  if (tokens == 0) return;
  float sums[kThreadRows][8];
  [[unroll]] for (uint r = 0; r < kThreadRows; ++r) {
    [[unroll]] for (uint t = 0; t < kTokens; ++t) sums[r][t] = 0;
  }
  for (uint unit = lane; unit * 16 < p.from.columns; unit += kLanes) {
    float weights[kThreadRows][16];
    [[unroll]] for (uint r = 0; r < kThreadRows; ++r) load_weights(group_row + first_row + r, unit, weights[r]);
    [[unroll]] for (uint t = 0; t < kTokens; ++t) {
      // Tokens that are not there take the last one's input: what they add up is not stored.
      const uint64_t from = p.from.address + uint64_t(min(t, tokens - 1)) * p.from.stride * 4;
      [[unroll]] for (uint quad = 0; quad < 4; ++quad) {
        const bool there = !kHasTails || unit * 16 + quad * 4 < p.from.columns;
        const vec4 x = there ? load_input(from, unit * 4 + quad) : vec4(0);
        [[unroll]] for (uint r = 0; r < kThreadRows; ++r) {
          [[unroll]] for (uint i = 0; i < 4; ++i) sums[r][t] = fma(weights[r][quad * 4 + i], x[i], sums[r][t]);
        }
      }
    }
  }
  [[unroll]] for (uint r = 0; r < kThreadRows; ++r) {
    [[unroll]] for (uint t = 0; t < kTokens; ++t) partial[(first_row + r) * kTokens + t][lane] = sums[r][t];
  }
  barrier();
  if (thread >= kGroupRows * kTokens) return;
  const uint row = group_row + thread / kTokens, token = thread % kTokens;
  if (row >= p.result.columns || token >= tokens) return;
  float sum = 0;
  for (uint i = 0; i < kLanes; ++i) sum += partial[thread][i];
  store(token, row, sum);
}
