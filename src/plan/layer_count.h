// How many of a model's layers, as a user writes it: the levers of layer offload.
#pragma once

#include <cstdint>
#include <string_view>

namespace vivace {

struct LayerCount {
  enum class Kind : uint8_t { kCount, kRatio };
  Kind kind = Kind::kCount;
  int32_t count = 0;
  double ratio = 0;  // 0 to 1

  /// Of a model with so many; a count may be larger than that.
  int32_t of(int32_t layers) const;
};

/// "12", a ratio with a point such as "0.5", or "max". Throws Error kInvalidArgument, with the option's name.
LayerCount parse_layer_count(std::string_view text, std::string_view option = "--gpu-layers");

}  // namespace vivace
