// Elementary functions on sixteen lanes. Included by instruction-set translation units after their shim.
#pragma once

namespace vivace::VIVACE_ISA {

constexpr float kExpLowest = -87.0f;  // below, e^x is a subnormal: taken as 0
constexpr float kExpHighest = 88.0f;  // above, e^x stays at e^88

/// x split as n ln 2 + r, |r| <= ln 2 / 2; returns e^r - 1 (Taylor to r^7, relative error below 1e-8) and n.
VIVACE_SIMD F32x16 exp_parts(F32x16 x, I32x16* n) {
  *n = to_i32(mul(x, set_f32(1.44269504f)));
  const F32x16 whole = to_f32(*n);
  // ln 2 in two parts; the product with the first is exact.
  F32x16 r = fma(whole, set_f32(-0.693359375f), x);
  r = fma(whole, set_f32(2.12194440e-4f), r);
  F32x16 sum = set_f32(1.0f / 5040);
  sum = fma(sum, r, set_f32(1.0f / 720));
  sum = fma(sum, r, set_f32(1.0f / 120));
  sum = fma(sum, r, set_f32(1.0f / 24));
  sum = fma(sum, r, set_f32(1.0f / 6));
  sum = fma(sum, r, set_f32(0.5f));
  return fma(mul(sum, r), r, r);
}

/// 2^n for -126 <= n <= 127.
VIVACE_SIMD F32x16 power_of_two(I32x16 n) { return as_f32(shl<23>(add(n, set_i32(127)))); }

/// e^x, relative error about 1e-7; 0 below kExpLowest; NaN stays.
VIVACE_SIMD F32x16 exp(F32x16 x) {
  // The operand order lets a NaN through max and min.
  const F32x16 clamped = min(set_f32(kExpHighest), max(set_f32(kExpLowest), x));
  I32x16 n;
  const F32x16 less_one = exp_parts(clamped, &n);
  const F32x16 result = mul(add(less_one, set_f32(1)), power_of_two(n));
  return select_greater(set_f32(kExpLowest), x, zero_f32(), result);
}

/// 2^x for x <= 0, relative error about 1e-7 (minimax to r^6, |r| <= 1/2); 0 below -126.5; NaN stays.
VIVACE_SIMD F32x16 exp2_of_negative(F32x16 x) {
  x = max(set_f32(-127.0f), x);
  const I32x16 n = to_i32(x);
  const F32x16 r = sub(x, to_f32(n));
  F32x16 sum = set_f32(1.5353359e-4f);
  sum = fma(sum, r, set_f32(1.33988750e-3f));
  sum = fma(sum, r, set_f32(9.61843692e-3f));
  sum = fma(sum, r, set_f32(5.55033237e-2f));
  sum = fma(sum, r, set_f32(2.40226477e-1f));
  sum = fma(sum, r, set_f32(6.93147182e-1f));
  return mul(fma(sum, r, set_f32(1)), power_of_two(n));  // 2^-127 is taken as 0
}

/// tanh(x), relative error about 2e-7 also near 0: by e^2|x| - 1, which has no cancellation.
VIVACE_SIMD F32x16 tanh(F32x16 x) {
  const F32x16 size = min(set_f32(20), abs(x));
  I32x16 n;
  const F32x16 less_one = exp_parts(add(size, size), &n);
  const F32x16 power = power_of_two(n);
  const F32x16 m = fma(power, less_one, sub(power, set_f32(1)));
  const F32x16 positive = div(m, add(m, set_f32(2)));
  const I32x16 sign = and_(as_i32(x), set_i32(INT32_MIN));
  return as_f32(or_(as_i32(positive), sign));
}

/// 1 / (1 + e^-x)
VIVACE_SIMD F32x16 sigmoid(F32x16 x) {
  const F32x16 one = set_f32(1);
  return div(one, add(one, exp(sub(zero_f32(), x))));
}

}  // namespace vivace::VIVACE_ISA
