// Functions whose precision Vulkan leaves open, to a few units in the last place.
#ifndef VIVACE_MATH_GLSL
#define VIVACE_MATH_GLSL

float exact_tanh(float x) {
  const float magnitude = abs(x);
  float result;
  if (magnitude < 0.25) {  // where 1 - exp would cancel: odd Taylor series to x^9
    const float square = x * x;
    result = magnitude + magnitude * square *
                             (-1.0 / 3.0 + square * (2.0 / 15.0 + square * (-17.0 / 315.0 + square * (62.0 / 2835.0))));
  } else {
    result = magnitude > 10 ? 1.0 : 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
  }
  return x < 0 ? -result : result;
}

/// The error function by Abramowitz and Stegun 7.1.26, to 1.5e-7.
float error_function(float x) {
  const float magnitude = abs(x), t = 1.0 / (1.0 + 0.3275911 * magnitude);
  const float series =
      t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const float result = 1.0 - series * exp(-magnitude * magnitude);
  return x < 0 ? -result : result;
}

/// Sine and cosine of an angle 0 <= |a| < 2^24. Turns are counted in integers: a = m * 2^e, so m * 2^64 / (2 pi), cut to
/// what lies behind the point, is exact enough at any size of the angle.
vec2 sine_cosine(float angle) {
  const uint bits = floatBitsToUint(angle) & 0x7FFFFFFFu;
  float rest = abs(angle);
  uint quadrant = 0;
  if (rest > 0.78539816) {
    const uint mantissa = (bits & 0x7FFFFFu) | 0x800000u;
    const int right = 32 + 150 - int(bits >> 23);  // of the product, whose unit is 2^(exponent - 150 - 64)
    // 2^64 / (2 pi) = 0x28BE60DB9391054A
    uint middle_high, middle_low, low_high, low_low;
    umulExtended(mantissa, 0x28BE60DBu, middle_high, middle_low);
    umulExtended(mantissa, 0x9391054Au, low_high, low_low);
    uint carry;
    const uint word1 = uaddCarry(middle_low, low_high, carry), word2 = middle_high + carry;
    // The 32 bits of word2:word1:low_low from `right` on, 33 <= right <= 56.
    const uint shift = uint(right - 32);
    const uint turns = shift == 0 ? word1 : (shift < 32 ? word1 >> shift | word2 << (32u - shift) : 0u);
    const uint rounded = turns + 0x20000000u;
    quadrant = rounded >> 30;
    rest = float(int(turns - (quadrant << 30))) * 1.4629180792671596e-9;  // 2 pi / 2^32
  }
  const float square = rest * rest;
  const float sine =
      rest + rest * square * (-1.6666667e-1 + square * (8.3333310e-3 + square * (-1.9840874e-4 + square * 2.7525562e-6)));
  const float cosine = 1.0 - 0.5 * square +
                       square * square * (4.1666668e-2 + square * (-1.3888889e-3 + square * 2.4800699e-5));
  const float s = (quadrant & 1u) != 0 ? cosine : sine, c = (quadrant & 1u) != 0 ? sine : cosine;
  const float signed_sine = (quadrant & 2u) != 0 ? -s : s;
  return vec2(angle < 0 ? -signed_sine : signed_sine, quadrant == 1u || quadrant == 2u ? -c : c);
}
#endif
