// Norms, activations and rotation of single rows. Included by instruction-set translation units after
// their shim and kernels/math.h. Each value is a function of its own row alone, whatever the caller's chunks.
#pragma once

#include "backends/cpu/row_kernels.h"

namespace vivace::VIVACE_ISA {

VIVACE_SIMD F32x16 load_upto_f32(const float* p, int32_t count) {
  return count >= 16 ? load_f32(p) : load_part_f32(p, count);
}
VIVACE_SIMD void store_upto_f32(float* p, F32x16 x, int32_t count) {
  count >= 16 ? store_f32(p, x) : store_part_f32(p, x, count);
}

/// Whole and partial vectors of n values.
#define VIVACE_EACH(i, n) for (int32_t i = 0; i < (n); i += 16)

/// Sum of term(lanes) over n values, in lanes 16 apart; four vectors at a time hide the latency of addition.
template <class Term>
VIVACE_SIMD float sum_of(const float* x, int32_t n, Term term) {
  F32x16 s0 = zero_f32(), s1 = zero_f32(), s2 = zero_f32(), s3 = zero_f32();
  int32_t i = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = add(s0, term(load_f32(x + i), 16));
    s1 = add(s1, term(load_f32(x + i + 16), 16));
    s2 = add(s2, term(load_f32(x + i + 32), 16));
    s3 = add(s3, term(load_f32(x + i + 48), 16));
  }
  for (; i < n; i += 16) s0 = add(s0, term(load_upto_f32(x + i, n - i), n - i));
  return reduce_add(add(add(s0, s1), add(s2, s3)));
}

static void apply_norm(const float* x, float shift, float factor, const float* weight, const float* bias, int32_t n,
                       float* out) {
  const F32x16 minus = set_f32(-shift), times = set_f32(factor);
  VIVACE_EACH(i, n) {
    F32x16 y = mul(add(load_upto_f32(x + i, n - i), minus), times);
    if (weight) y = mul(y, load_upto_f32(weight + i, n - i));
    if (bias) y = add(y, load_upto_f32(bias + i, n - i));
    store_upto_f32(out + i, y, n - i);
  }
}

static void rms_norm(const float* x, const float* weight, const float* bias, float epsilon, int32_t n, float* out) {
  const float squares = sum_of(x, n, [](F32x16 v, int32_t) { return mul(v, v); });
  apply_norm(x, 0, 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon), weight, bias, n, out);
}

static void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int32_t n, float* out) {
  const float mean = sum_of(x, n, [](F32x16 v, int32_t) { return v; }) / static_cast<float>(n);
  const F32x16 minus = set_f32(-mean);
  const float squares = sum_of(x, n, [minus](F32x16 v, int32_t count) {
    F32x16 d = add(v, minus);
    if (count < 16) {  // absent lanes are 0, not the mean
      float lanes[16] = {};
      store_part_f32(lanes, d, count);
      d = load_f32(lanes);
    }
    return mul(d, d);
  });
  apply_norm(x, mean, 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon), weight, bias, n, out);
}

static void add_rows(const float* a, const float* b, float b_scale, int32_t n, float* out) {
  const F32x16 scale = set_f32(b_scale);
  VIVACE_EACH(i, n) {
    const F32x16 term = mul(load_upto_f32(b + i, n - i), scale);
    store_upto_f32(out + i, add(load_upto_f32(a + i, n - i), term), n - i);
  }
}

static void scale_row(const float* x, float factor, float cap, int32_t n, float* out) {
  const F32x16 times = set_f32(factor);
  if (cap <= 0) {
    VIVACE_EACH(i, n) store_upto_f32(out + i, mul(load_upto_f32(x + i, n - i), times), n - i);
    return;
  }
  const F32x16 most = set_f32(cap);
  VIVACE_EACH(i, n) {
    const F32x16 y = mul(load_upto_f32(x + i, n - i), times);
    store_upto_f32(out + i, mul(most, tanh(div(y, most))), n - i);
  }
}

template <class Function>
VIVACE_SIMD void glu_row(const float* gate, const float* up, int32_t n, float* out, Function function) {
  VIVACE_EACH(i, n) {
    F32x16 y = function(load_upto_f32(gate + i, n - i));
    if (up) y = mul(y, load_upto_f32(up + i, n - i));
    store_upto_f32(out + i, y, n - i);
  }
}

static void glu_silu(const float* gate, const float* up, int32_t n, float* out) {
  glu_row(gate, up, n, out, [](F32x16 x) { return mul(x, sigmoid(x)); });
}

static void glu_gelu_tanh(const float* gate, const float* up, int32_t n, float* out) {
  // (1 + tanh u) / 2 = sigmoid(2u), which keeps its relative accuracy far below 0.
  glu_row(gate, up, n, out, [](F32x16 x) {
    const F32x16 inner = fma(mul(x, x), set_f32(0.044715f), set_f32(1));
    return mul(x, sigmoid(mul(mul(x, set_f32(2 * 0.79788456f)), inner)));
  });
}

static void glu_gelu_erf(const float* gate, const float* up, int32_t n, float* out) {
  for (int32_t i = 0; i < n; ++i) {
    const float y = 0.5f * gate[i] * __builtin_erfcf(gate[i] * -0.70710678f);
    out[i] = up ? y * up[i] : y;
  }
}

static void glu_relu(const float* gate, const float* up, int32_t n, float* out) {
  glu_row(gate, up, n, out, [](F32x16 x) { return max(x, zero_f32()); });
}

constexpr int32_t kRopePairs = 64;  // of the table at a time, in the order of the columns

static void rope_neighbours(float* x, const float* table, int32_t heads, int32_t head_dim, int32_t rotary_dim) {
  float cosine[2 * kRopePairs], sine[2 * kRopePairs];
  for (int32_t begin = 0; begin < rotary_dim; begin += 2 * kRopePairs) {
    const int32_t count = rotary_dim - begin < 2 * kRopePairs ? rotary_dim - begin : 2 * kRopePairs;
    for (int32_t i = 0; i < count; i += 2) {
      cosine[i] = cosine[i + 1] = table[begin + i];
      sine[i] = -table[begin + i + 1];
      sine[i + 1] = table[begin + i + 1];
    }
    for (int32_t head = 0; head < heads; ++head) {
      float* columns = x + static_cast<int64_t>(head) * head_dim + begin;
      VIVACE_EACH(i, count) {
        const F32x16 a = load_upto_f32(columns + i, count - i);
        const F32x16 turned = mul(swap_pairs(a), load_upto_f32(sine + i, count - i));
        store_upto_f32(columns + i, add(mul(a, load_upto_f32(cosine + i, count - i)), turned), count - i);
      }
    }
  }
}

static void rope_halves(float* x, const float* table, int32_t heads, int32_t head_dim, int32_t rotary_dim) {
  float cosine[kRopePairs], sine[kRopePairs];
  const int32_t pairs = rotary_dim / 2;
  for (int32_t begin = 0; begin < pairs; begin += kRopePairs) {
    const int32_t count = pairs - begin < kRopePairs ? pairs - begin : kRopePairs;
    for (int32_t i = 0; i < count; ++i) {
      cosine[i] = table[2 * (begin + i)];
      sine[i] = table[2 * (begin + i) + 1];
    }
    for (int32_t head = 0; head < heads; ++head) {
      float* first = x + static_cast<int64_t>(head) * head_dim + begin;
      float* second = first + pairs;
      VIVACE_EACH(i, count) {
        const int32_t rest = count - i;
        const F32x16 a = load_upto_f32(first + i, rest), b = load_upto_f32(second + i, rest);
        const F32x16 c = load_upto_f32(cosine + i, rest), s = load_upto_f32(sine + i, rest);
        store_upto_f32(first + i, sub(mul(a, c), mul(b, s)), rest);
        store_upto_f32(second + i, add(mul(a, s), mul(b, c)), rest);
      }
    }
  }
}

#undef VIVACE_EACH

}  // namespace vivace::VIVACE_ISA
