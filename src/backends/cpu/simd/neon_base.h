// Sixteen lanes in four NEON registers: what ARMv8.2 with dot products (SDOT) gives. See simd/scalar.h.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#define VIVACE_SIMD static inline __attribute__((always_inline))
#define VIVACE_UNROLL _Pragma("GCC unroll 16")

namespace vivace::VIVACE_ISA {

constexpr int kSingleTokens = 6, kTileTokens = 6, kTilePanels = 1;
constexpr int kFloatRows = 2, kFloatTokens = 3;
constexpr int kScoreRows = 6, kScoreVectors = 1, kValueRows = 6, kValueVectors = 1;
constexpr bool kSignedDot = true;

struct F32x16 {
  float32x4_t v[4];
};
struct I32x16 {
  int32x4_t v[4];
};

// Applies an expression of the quarter `i` to all four.
#define VIVACE_QUARTERS(Type, expression)                                          \
  auto quarter = [&](int i) __attribute__((always_inline)) { return expression; }; \
  return Type {                                                                    \
    { quarter(0), quarter(1), quarter(2), quarter(3) }                             \
  }

VIVACE_SIMD F32x16 set_f32(float x) { VIVACE_QUARTERS(F32x16, (void(i), vdupq_n_f32(x))); }
VIVACE_SIMD F32x16 zero_f32() { return set_f32(0.0f); }
VIVACE_SIMD F32x16 load_f32(const float* p) { VIVACE_QUARTERS(F32x16, vld1q_f32(p + 4 * i)); }
VIVACE_SIMD F32x16 load_part_f32(const float* p, int count) {
  float part[16] = {};
  for (int i = 0; i < count; ++i) part[i] = p[i];
  return load_f32(part);
}
VIVACE_SIMD void store_f32(float* p, F32x16 a) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
VIVACE_SIMD void store_part_f32(float* p, F32x16 a, int count) {
  float part[16];
  store_f32(part, a);
  for (int i = 0; i < count; ++i) p[i] = part[i];
}
VIVACE_SIMD F32x16 add(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vaddq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 sub(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vsubq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 mul(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vmulq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 div(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vdivq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { VIVACE_QUARTERS(F32x16, vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 max(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vmaxq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 min(F32x16 a, F32x16 b) { VIVACE_QUARTERS(F32x16, vminq_f32(a.v[i], b.v[i])); }
VIVACE_SIMD F32x16 abs(F32x16 a) { VIVACE_QUARTERS(F32x16, vabsq_f32(a.v[i])); }
VIVACE_SIMD F32x16 select_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  VIVACE_QUARTERS(F32x16, vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), x.v[i], y.v[i]));
}
VIVACE_SIMD float reduce_add(F32x16 a) {
  const float32x4_t c = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
  const float32x2_t d = vadd_f32(vget_low_f32(c), vget_high_f32(c));
  return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}
VIVACE_SIMD F32x16 swap_pairs(F32x16 a) { VIVACE_QUARTERS(F32x16, vrev64q_f32(a.v[i])); }
VIVACE_SIMD float reduce_max(F32x16 a) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[2]), vmaxq_f32(a.v[1], a.v[3])));
}
VIVACE_SIMD F32x16 load_f16(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_QUARTERS(F32x16, vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8 * i))));
}
VIVACE_SIMD F32x16 set_f16(const void* p) {
  int16_t half;
  __builtin_memcpy(&half, p, sizeof(half));
  const float32x4_t all = vcvt_f32_f16(vreinterpret_f16_s16(vdup_n_s16(half)));
  return {{all, all, all, all}};
}
VIVACE_SIMD void load_f16_pairs(const void* p, F32x16& even, F32x16& odd) {
  const int16_t* halves = static_cast<const int16_t*>(p);
  for (int i = 0; i < 4; ++i) {
    const int16x4x2_t parts = vld2_s16(halves + 8 * i);
    even.v[i] = vcvt_f32_f16(vreinterpret_f16_s16(parts.val[0]));
    odd.v[i] = vcvt_f32_f16(vreinterpret_f16_s16(parts.val[1]));
  }
}
VIVACE_SIMD F32x16 load_bf16(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_QUARTERS(F32x16, vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes + 8 * i)), 16)));
}
VIVACE_SIMD void store_f16(void* p, F32x16 a) {
  uint8_t* bytes = static_cast<uint8_t*>(p);
  for (int i = 0; i < 4; ++i) vst1_u8(bytes + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(a.v[i])));
}

VIVACE_SIMD I32x16 set_i32(int32_t x) { VIVACE_QUARTERS(I32x16, (void(i), vdupq_n_s32(x))); }
VIVACE_SIMD I32x16 zero_i32() { return set_i32(0); }
VIVACE_SIMD I32x16 load_i32(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_u8(vld1q_u8(bytes + 16 * i)));
}
VIVACE_SIMD I32x16 load_i8(const void* p) {
  const int8x16_t bytes = vld1q_s8(static_cast<const int8_t*>(p));
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
           vmovl_s16(vget_high_s16(high))}};
}
VIVACE_SIMD I32x16 load_u8(const void* p) {
  const uint8x16_t bytes = vld1q_u8(static_cast<const uint8_t*>(p));
  const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_u8(vget_high_u8(bytes));
  return {{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
           vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))),
           vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
}
VIVACE_SIMD I32x16 load_i8_pairs(const void* p) {
  const int8_t* bytes = static_cast<const int8_t*>(p);
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_s16(vmovl_s8(vld1_s8(bytes + 8 * i))));
}
VIVACE_SIMD I32x16 load_u8_pairs(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_u16(vmovl_u8(vld1_u8(bytes + 8 * i))));
}
VIVACE_SIMD I32x16 load_u16(const void* p) {
  const uint8_t* bytes = static_cast<const uint8_t*>(p);
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_u32(vmovl_u16(vreinterpret_u16_u8(vld1_u8(bytes + 8 * i)))));
}
VIVACE_SIMD void store_i8(void* p, I32x16 a) {
  const int16x8_t low = vcombine_s16(vmovn_s32(a.v[0]), vmovn_s32(a.v[1]));
  const int16x8_t high = vcombine_s16(vmovn_s32(a.v[2]), vmovn_s32(a.v[3]));
  vst1q_s8(static_cast<int8_t*>(p), vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
VIVACE_SIMD I32x16 add(I32x16 a, I32x16 b) { VIVACE_QUARTERS(I32x16, vaddq_s32(a.v[i], b.v[i])); }
VIVACE_SIMD I32x16 mul(I32x16 a, I32x16 b) { VIVACE_QUARTERS(I32x16, vmulq_s32(a.v[i], b.v[i])); }
VIVACE_SIMD I32x16 and_(I32x16 a, I32x16 b) { VIVACE_QUARTERS(I32x16, vandq_s32(a.v[i], b.v[i])); }
VIVACE_SIMD I32x16 or_(I32x16 a, I32x16 b) { VIVACE_QUARTERS(I32x16, vorrq_s32(a.v[i], b.v[i])); }
VIVACE_SIMD I32x16 xor_(I32x16 a, I32x16 b) { VIVACE_QUARTERS(I32x16, veorq_s32(a.v[i], b.v[i])); }
template <int kBits>
VIVACE_SIMD I32x16 shl(I32x16 a) {
  VIVACE_QUARTERS(I32x16, vshlq_s32(a.v[i], vdupq_n_s32(kBits)));
}
template <int kBits>
VIVACE_SIMD I32x16 shr(I32x16 a) {
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a.v[i]), vdupq_n_s32(-kBits))));
}
template <int kBits>
VIVACE_SIMD I32x16 sar(I32x16 a) {
  VIVACE_QUARTERS(I32x16, vshlq_s32(a.v[i], vdupq_n_s32(-kBits)));
}
VIVACE_SIMD int32_t reduce_add(I32x16 a) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(a.v[0], a.v[2]), vaddq_s32(a.v[1], a.v[3])));
}
VIVACE_SIMD I32x16 lookup16(const int8_t* table, I32x16 nibbles) {
  const int8x16_t row = vld1q_s8(table);
  VIVACE_QUARTERS(I32x16, vreinterpretq_s32_s8(vqtbl1q_s8(row, vreinterpretq_u8_s32(nibbles.v[i]))));
}
template <int kFirst>
VIVACE_SIMD I32x16 spread_bits(I32x16 a) {
  // The byte that has the four bits goes to all bytes of its lane; each keeps its own bit.
  const uint8x16_t bytes =
      vaddq_u8(vreinterpretq_u8_u32(uint32x4_t{0, 0x04040404, 0x08080808, 0x0C0C0C0C}), vdupq_n_u8(kFirst / 8));
  const uint8x16_t own = vreinterpretq_u8_u32(vdupq_n_u32(kFirst % 8 == 0 ? 0x08040201u : 0x80402010u));
  const uint8x16_t bit = vdupq_n_u8(0x10);
  VIVACE_QUARTERS(I32x16,
                  vreinterpretq_s32_u8(vandq_u8(vtstq_u8(vqtbl1q_u8(vreinterpretq_u8_s32(a.v[i]), bytes), own), bit)));
}

VIVACE_SIMD F32x16 to_f32(I32x16 a) { VIVACE_QUARTERS(F32x16, vcvtq_f32_s32(a.v[i])); }
VIVACE_SIMD I32x16 to_i32(F32x16 a) { VIVACE_QUARTERS(I32x16, vcvtnq_s32_f32(a.v[i])); }
VIVACE_SIMD F32x16 as_f32(I32x16 a) { VIVACE_QUARTERS(F32x16, vreinterpretq_f32_s32(a.v[i])); }
VIVACE_SIMD I32x16 as_i32(F32x16 a) { VIVACE_QUARTERS(I32x16, vreinterpretq_s32_f32(a.v[i])); }

constexpr int dot_run(int /*max_code*/) { return 1 << 20; }
VIVACE_SIMD I32x16 dot_begin(I32x16 accumulator) { return accumulator; }
template <bool kSigned>
VIVACE_SIMD I32x16 dot(I32x16 part, I32x16 weights, I32x16 x) {
  VIVACE_QUARTERS(I32x16, vdotq_s32(part.v[i], vreinterpretq_s8_s32(weights.v[i]), vreinterpretq_s8_s32(x.v[i])));
}
VIVACE_SIMD I32x16 dot_end(I32x16 /*accumulator*/, I32x16 part) { return part; }
VIVACE_SIMD I32x16 dot16(I32x16 accumulator, I32x16 a, I32x16 b) {
  auto products = [&](int i) __attribute__((always_inline)) {
    const int16x8_t p = vreinterpretq_s16_s32(a.v[i]), q = vreinterpretq_s16_s32(b.v[i]);
    return vpaddq_s32(vmull_s16(vget_low_s16(p), vget_low_s16(q)), vmull_high_s16(p, q));
  };
  VIVACE_QUARTERS(I32x16, vaddq_s32(accumulator.v[i], products(i)));
}

VIVACE_SIMD void prefetch(const void* p) { __builtin_prefetch(p); }
VIVACE_SIMD void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }
VIVACE_SIMD void prefetch_write(const void* p) { __builtin_prefetch(p, 1); }

#undef VIVACE_QUARTERS

}  // namespace vivace::VIVACE_ISA
