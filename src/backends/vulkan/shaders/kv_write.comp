// variants: kv_formats
// Keys and values of the step into the pages: 32 threads a block of columns, 8 blocks a workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/kv.glsl"
layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
  Step step;
  Kv kv;
  uint64_t keys, values;
  uint key_stride, value_stride;
  uint key_units, units;  // pieces of 32 columns: of the keys of all heads, of keys and values
} p;

shared float piece[256];

/// The value of largest magnitude of a block, with its sign; the first of equals.
float extreme_of(uint begin) {
  float best = piece[begin];
  for (uint i = 1; i < 32; ++i) {
    if (abs(piece[begin + i]) > abs(best)) best = piece[begin + i];
  }
  return best;
}

/// A scale as f16, kept finite.
uint scale_to_half(float scale) { return float_to_half(clamp(scale, -65504.0, 65504.0)); }

void main() {
  const uint row = gl_WorkGroupID.y, thread = gl_LocalInvocationID.x, lane = thread % 32;
  const uint unit = gl_WorkGroupID.x * 8 + thread / 32;
  if (row >= step_tokens(p.step)) return;
  const bool there = unit < p.units, keys = unit < p.key_units;
  const uint columns = keys ? p.kv.key_dim : p.kv.value_dim, per_head = (columns + 31) / 32;
  const uint index = keys ? unit : unit - p.key_units, head = index / per_head, column = index % per_head * 32 + lane;
  const bool inside = there && column < columns;
  float value = 0;
  if (inside) {
    const uint64_t from = keys ? p.keys : p.values;
    value = Floats(from + uint64_t(row) * (keys ? p.key_stride : p.value_stride) * 4).at[head * columns + column];
  }
#if defined(FORMAT_q8_0) || defined(FORMAT_q4_0)
  piece[thread] = value;
  barrier();
#endif
  if (!inside) return;
  const uint position = step_position(p.step, row), slot = position % kPageTokens;
  const uint page = step_page(p.step, step_sequence(p.step, row), position / kPageTokens);
  const uint64_t at = kv_head(p.step, p.kv, page, head, keys);
  const uint row_bytes = kv_row_bytes(columns);
#define PLACE(byte) (keys ? key_byte(byte, slot) : value_byte(byte, slot, row_bytes))
#if defined(FORMAT_f32)
  Floats(at + PLACE(column * 4)).at[0] = value;
#elif defined(FORMAT_f16)
  Halves(at + PLACE(column * 2)).at[0] = uint16_t(float_to_half(value));
#else
  const uint block = column / 32 * kBlockBytes;
  const float extreme = extreme_of(thread - lane);
#if defined(FORMAT_q8_0)
  precise const float scale = abs(extreme) / 127.0;
#else
  precise const float scale = extreme / -8.0;
#endif
  precise const float inverse = scale != 0 ? 1.0 / scale : 0.0;
  if (lane == 0) Halves(at + PLACE(block)).at[0] = uint16_t(scale_to_half(scale));
#if defined(FORMAT_q8_0)
  precise const float scaled = value * inverse;
  // Ties away from zero, as the format's reference rounds.
  const int code = clamp(int(sign(scaled) * floor(abs(scaled) + 0.5)), -128, 127);
  Bytes(at + PLACE(block + 2 + lane)).at[0] = uint8_t(code & 0xFF);
#else
  if (lane >= 16) return;
  precise const float low = value * inverse + 8.5;
  precise const float high = piece[thread + 16] * inverse + 8.5;
  const uint codes = uint(clamp(int(low), 0, 15)) | uint(clamp(int(high), 0, 15)) << 4;
  Bytes(at + PLACE(block + 2 + lane)).at[0] = uint8_t(codes);
#endif
#endif
}
