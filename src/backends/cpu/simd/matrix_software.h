// The matrix unit in plain C++: the twin of simd/avx512amx.h and its documentation. No processor needs it: the tests
// run the kernels of panel_matrix.h over it on machines without a unit.
#pragma once

#include <cstdint>

namespace vivace::VIVACE_ISA {

/// Products over kColumns columns. An object holds the thread's unit, which has the shape of these products meanwhile.
template <int kColumns>
struct MatrixUnit {
  /// product[t][r] = sum over k of x[t][k] * weights[k / 4][r][k % 4], for 16 tokens t, 64 bytes apart, and 16 rows r;
  /// all bytes are signed.
  void multiply(const uint8_t* x, const uint8_t* weights, int32_t* product) const {
    for (int t = 0; t < 16; ++t) {
      for (int r = 0; r < 16; ++r) {
        int32_t sum = 0;
        for (int k = 0; k < kColumns; ++k) {
          const int8_t w = static_cast<int8_t>(weights[k / 4 * 64 + r * 4 + k % 4]);
          sum += static_cast<int8_t>(x[t * 64 + k]) * w;
        }
        product[t * 16 + r] = sum;
      }
    }
  }
};

}  // namespace vivace::VIVACE_ISA
