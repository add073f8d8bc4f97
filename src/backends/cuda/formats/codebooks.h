// The 16-entry codebooks of the 4-bit formats (values in quant/formats/codebooks.h), looked up four at a time.
#pragma once

#include "backends/cuda/formats/bytes.h"
#include "quant/formats/codebooks.h"

namespace vivace::cuda {

/// Entries 4 * word.. of a codebook, the first in the low byte.
constexpr uint32_t codebook_word(const int8_t (&values)[16], int word) {
  uint32_t packed = 0;
  for (int i = 0; i < 4; ++i) packed |= static_cast<uint32_t>(static_cast<uint8_t>(values[4 * word + i])) << (8 * i);
  return packed;
}

constexpr uint32_t kIq4Word0 = codebook_word(kIq4Values, 0), kIq4Word1 = codebook_word(kIq4Values, 1);
constexpr uint32_t kIq4Word2 = codebook_word(kIq4Values, 2), kIq4Word3 = codebook_word(kIq4Values, 3);
constexpr uint32_t kE2m1Word0 = codebook_word(kE2m1Doubled, 0), kE2m1Word1 = codebook_word(kE2m1Doubled, 1);
constexpr uint32_t kE2m1Word2 = codebook_word(kE2m1Doubled, 2), kE2m1Word3 = codebook_word(kE2m1Doubled, 3);

/// Values of four IQ4 codes, one in each byte.
VIVACE_DEVICE int iq4_values(uint32_t codes) {
  return look_up_nibbles(codes, {kIq4Word0, kIq4Word1, kIq4Word2, kIq4Word3});
}

/// Twice the values of four E2M1 codes, one in each byte.
VIVACE_DEVICE int e2m1_doubled(uint32_t codes) {
  return look_up_nibbles(codes, {kE2m1Word0, kE2m1Word1, kE2m1Word2, kE2m1Word3});
}

}  // namespace vivace::cuda
