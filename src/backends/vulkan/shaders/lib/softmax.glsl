// Softmax taken tile by tile (Milakov and Gimelshein 2018). Sums are relative to exp(top).
#ifndef VIVACE_SOFTMAX_GLSL
#define VIVACE_SOFTMAX_GLSL

const float kLowest = -3.0e38;  // below every score

/// exp of a difference of scores; of the lowest: 0.
float weight_of(float score, float top) { return score <= kLowest ? 0.0 : exp(score - top); }

/// A sum relative to `top` and one relative to `other_top`, together.
float merged(float sum, float top, float other, float other_top) {
  const float new_top = max(top, other_top);
  precise const float both = sum * weight_of(top, new_top) + other * weight_of(other_top, new_top);
  return both;
}

/// What a value becomes after the last tile: the sink takes its share.
float finished(uint64_t sinks, uint head, float top, float sum, float value) {
  precise float result;
  if (sinks == 0) {
    result = value / sum;
  } else {
    const float sink = Floats(sinks).at[head], new_top = max(top, sink), weight = weight_of(top, new_top);
    result = value * weight / (sum * weight + weight_of(sink, new_top));
  }
  return result;
}
#endif
