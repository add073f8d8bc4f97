// Loops that vanish: the body sees its index as a constant, so that arrays of vectors become registers.
#pragma once

#define VIVACE_INLINE_LAMBDA __attribute__((always_inline))

namespace vivace::VIVACE_ISA {

template <int kValue>
struct Index {
  // NOLINTNEXTLINE(google-explicit-constructor): an int that is a constant
  constexpr operator int() const { return kValue; }
};

template <int kFrom, int kTo, class Body>
VIVACE_SIMD void unroll_range(const Body& body) {
  if constexpr (kFrom < kTo) {
    body(Index<kFrom>());
    unroll_range<kFrom + 1, kTo>(body);
  }
}

/// body(Index<0>()), ..., body(Index<kCount - 1>()); write the body as [&](auto i) VIVACE_INLINE_LAMBDA { ... }.
template <int kCount, class Body>
VIVACE_SIMD void unroll(const Body& body) {
  unroll_range<0, kCount>(body);
}

}  // namespace vivace::VIVACE_ISA
