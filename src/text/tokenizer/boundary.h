// Where merging can never cross: between two characters that no token has side by side. Cutting there is exact and
// makes words of a text that has no pre-split rule.
#pragma once

#include <cstdint>
#include <vector>

#include "text/tokenizer/hash.h"

namespace vivace {

class JoinFilter {
 public:
  JoinFilter() : bits_(kBits / 64) {}

  void add(uint32_t left, uint32_t right) {
    const uint64_t bit = index(left, right);
    bits_[bit / 64] |= uint64_t{1} << (bit % 64);
  }

  /// False only when `left` and `right` were never added; sometimes true although they were not.
  bool may_join(uint32_t left, uint32_t right) const {
    const uint64_t bit = index(left, right);
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
  }

 private:
  static constexpr uint64_t kBits = uint64_t{1} << 22;
  static uint64_t index(uint32_t left, uint32_t right) { return mix64(uint64_t{left} << 32 | right) % kBits; }
  std::vector<uint64_t> bits_;
};

}  // namespace vivace
