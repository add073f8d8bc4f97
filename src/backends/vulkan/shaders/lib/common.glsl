// What every shader begins with: addresses as pointers, small types, rows of activations.
#ifndef VIVACE_COMMON_GLSL
#define VIVACE_COMMON_GLSL
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Floats4 { vec4 at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Ints { int at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Halves { uint16_t at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer Bytes { uint8_t at[]; };

/// RowsPush of recorder.h: f32 rows.
struct Rows {
  uint64_t address;  // 0: absent
  uint stride;
  uint columns;
};

Floats row_of(Rows rows, uint row) { return Floats(rows.address + uint64_t(row) * rows.stride * 4); }

/// An f16 as f32, exact.
float half_to_float(uint bits) { return unpackHalf2x16(bits).x; }

/// The nearest f16, ties to even; overflow becomes infinite. Spelled out, since packHalf2x16 may round either way.
uint float_to_half(float value) {
  const uint bits = floatBitsToUint(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return sign | 0x7E00u;
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;
  if (magnitude >= 0x38800000u) {  // a normal f16
    const uint rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
    return sign | (rounded - 0x38000000u) >> 13;
  }
  if (magnitude < 0x33000000u) return sign;  // below half of the least subnormal
  const uint shift = 126u - (magnitude >> 23), mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
  const uint half_unit = 1u << (shift - 1u), rest = mantissa & ((1u << shift) - 1u), whole = mantissa >> shift;
  return sign | (whole + uint(rest > half_unit || (rest == half_unit && (whole & 1u) != 0u)));
}
#endif
