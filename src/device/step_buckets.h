// Sizes that devices which record steps round them up to: a recording serves every step of its bucket.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "device/device.h"

namespace vivace {

/// The power of two that holds `count`, cut at the limit; 0 stays 0.
inline int32_t bucket_of(int32_t count, int32_t limit) {
  return count <= 0 ? 0 : std::min(limit, int32_t(std::bit_ceil(uint32_t(count))));
}

/// The shapes that are worth recording before the first step: parts of a prompt, its end, and as many sequences as
/// tokens in decode.
inline std::vector<StepShape> bucket_shapes(const StepLimits& limits) {
  std::vector<StepShape> shapes;
  for (int32_t tokens = 1;; tokens *= 2) {
    tokens = std::min(tokens, limits.tokens);
    shapes.push_back({tokens, 0});
    shapes.push_back({tokens, 1});
    if (tokens > 1 && tokens <= limits.outputs) shapes.push_back({tokens, tokens});
    if (tokens == limits.tokens) return shapes;
  }
}

}  // namespace vivace
