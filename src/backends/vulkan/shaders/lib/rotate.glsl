// One pair of columns by its angle.
#ifndef VIVACE_ROTATE_GLSL
#define VIVACE_ROTATE_GLSL

vec2 rotate(float a, float b, float cosine, float sine) {
  precise const float first = a * cosine - b * sine;
  precise const float second = a * sine + b * cosine;
  return vec2(first, second);
}
#endif
