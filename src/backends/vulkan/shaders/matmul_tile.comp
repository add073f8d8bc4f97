// variants: weight_formats
// Many tokens: tiles of 64 rows by 16, 32 or 64 tokens, 32 columns at a time through shared memory as f32; each of the
// 128 threads adds up 8 rows by 1, 2 or 4 tokens, in the order of the columns.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint kTokens = 64;  // of a tile
layout(constant_id = 1) const bool kAligned = true;
#include "lib/matmul.glsl"

const uint kRows = 64, kColumns = 32, kThreadTokens = kTokens / 16;

shared vec4 weights[kColumns][kRows / 4];
shared float inputs[kColumns][kTokens];

/// A thread unpacks half of a row's columns.
void load_weight_tile(uint first_row, uint begin) {
  const uint thread = gl_LocalInvocationID.x, row = thread % kRows, unit = thread / kRows;
  float values[16];
  load_weights(first_row + row, begin / 16 + unit, values);
  [[unroll]] for (uint i = 0; i < 16; ++i) weights[unit * 16 + i][row / 4][row % 4] = values[i];
}

void load_input_tile(uint first_token, uint tokens, uint begin) {
  [[unroll]] for (uint piece = gl_LocalInvocationID.x; piece < kTokens * kColumns / 4; piece += 128) {
    const uint token = piece % kTokens, quad = piece / kTokens;
    const bool there = first_token + token < tokens && begin + quad * 4 < p.from.columns;
    const vec4 x = there ? load_input(p.from.address + uint64_t(first_token + token) * p.from.stride * 4,
                                      begin / 4 + quad)
                         : vec4(0);
    [[unroll]] for (uint i = 0; i < 4; ++i) inputs[quad * 4 + i][token] = x[i];
  }
}

void main() {
  const uint thread = gl_LocalInvocationID.x, eight = thread % 8, sixteenth = thread / 8;
  const uint first_row = gl_WorkGroupID.x * kRows, first_token = gl_WorkGroupID.y * kTokens;
  const uint tokens = uint(p.count.at[0]);
  if (first_token >= tokens) return;
  vec4 sums[4][2];
  [[unroll]] for (uint t = 0; t < kThreadTokens; ++t) sums[t][0] = sums[t][1] = vec4(0);
  for (uint begin = 0; begin < p.from.columns; begin += kColumns) {
    load_weight_tile(first_row, begin);
    load_input_tile(first_token, tokens, begin);
    barrier();
    [[dont_unroll]] for (uint c = 0; c < kColumns; ++c) {
      const vec4 low = weights[c][eight * 2], high = weights[c][eight * 2 + 1];
      [[unroll]] for (uint t = 0; t < kThreadTokens; ++t) {
        const vec4 x = vec4(inputs[c][sixteenth * kThreadTokens + t]);
        sums[t][0] = fma(low, x, sums[t][0]);
        sums[t][1] = fma(high, x, sums[t][1]);
      }
    }
    barrier();
  }
  [[unroll]] for (uint t = 0; t < kThreadTokens; ++t) {
    const uint token = first_token + sixteenth * kThreadTokens + t;
    [[unroll]] for (uint r = 0; r < 8; ++r) {
      const uint row = first_row + eight * 8 + r;
      if (token < tokens && row < p.result.columns) store(token, row, sums[t][r / 4][r % 4]);
    }
  }
}
